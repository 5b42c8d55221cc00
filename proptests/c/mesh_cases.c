/* What two sockets share: the dictionary, leases, messages. C11, and no other header of meshdict's. */

#include "cases.h"

#include <meshdict.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include "checks.h"

struct seen {
  atomic_int updates;
  atomic_int deletes;
};

static void note_change(meshdict_socket* socket, const meshdict_event* event, void* user) {
  struct seen* const seen = user;
  size_t size = 0;
  const char* const key = meshdict_event_key(event, &size);
  if (meshdict_id(socket) == NULL || size != 6 || strcmp(key, "colour") != 0) return;
  if (strcmp(meshdict_event_name(event), "delete") == 0) {
    atomic_fetch_add(&seen->deletes, meshdict_event_value(event) == NULL);
  } else if (has_json(meshdict_event_value(event), "\"red\"") && meshdict_event_owner(event) != NULL &&
             meshdict_event_timestamp_ms(event) > 0) {
    atomic_fetch_add(&seen->updates, 1);
  }
}

const char* c_case_ASetIsSeenHereAndThere(void) {
  PAIR(meshdict_open);
  struct seen seen = {0, 0};
  uint64_t listener = 0;
  OK(meshdict_on(bob, "update", note_change, &seen, &listener));
  OK(meshdict_on(bob, "delete", note_change, &seen, NULL));
  CHECK(meshdict_on(bob, "updated", note_change, &seen, NULL) == MESHDICT_USAGE);
  OK(meshdict_set_text(ada, "colour", MESHDICT_TEXT, "red", MESHDICT_TEXT));
  EVENTUALLY(holds_text(bob, "colour", "red") && atomic_load(&seen.updates) == 1);
  size_t confirmed = 0;
  OK(meshdict_wait(ada, 1, -1, &confirmed));
  CHECK(confirmed == 1);
  char* owner = NULL;
  int64_t when = 0;
  OK(meshdict_meta(bob, "colour", 6, &owner, &when));
  CHECK(strcmp(owner, meshdict_id(ada)) == 0 && when / 1000 >= time(NULL) - patience());
  meshdict_free(owner);
  OK(meshdict_off(bob, "update", listener));
  CHECK(meshdict_off(bob, "update", listener) == MESHDICT_NOTHING);
  meshdict_value* held = NULL;
  OK(meshdict_delete(ada, "colour", 6, &held));
  CHECK(has_json(held, "\"red\""));
  meshdict_value_free(held);
  EVENTUALLY(atomic_load(&seen.deletes) == 1);
  int contained = 1;
  size_t count = 1;
  OK(meshdict_contains(bob, "colour", 6, &contained));
  OK(meshdict_count(bob, &count));
  CHECK(contained == 0 && count == 0);
  CHECK(meshdict_delete(ada, "colour", 6, NULL) == MESHDICT_NO_KEY);
  CHECK(meshdict_get(bob, "colour", 6, &held) == MESHDICT_NO_KEY);
  FREE_PAIR();
  return "";
}

const char* c_case_KeysAreBytesInOrder(void) {
  meshdict_socket* socket = NULL;
  OK(meshdict_open("127.0.0.1", 0, NULL, &socket));
  OK(meshdict_set_int(socket, "b", 1, 2));
  OK(meshdict_set_int(socket, "a\0z", 3, 1));
  OK(meshdict_set_int(socket, "other", MESHDICT_TEXT, 3));
  meshdict_snapshot* all = NULL;
  meshdict_snapshot* some = NULL;
  OK(meshdict_keys(socket, "", 0, &all));
  OK(meshdict_keys(socket, "a", 1, &some));
  OK(meshdict_delete(socket, "b", 1, NULL));
  size_t size = 0;
  CHECK(meshdict_snapshot_size(all) == 3 && meshdict_snapshot_size(some) == 1);
  CHECK(memcmp(meshdict_snapshot_key(all, 0, &size), "a\0z", 4) == 0 && size == 3);
  CHECK(strcmp(meshdict_snapshot_key(all, 1, NULL), "b") == 0 && meshdict_snapshot_key(all, 3, &size) == NULL);
  meshdict_value* value = NULL;
  OK(meshdict_snapshot_value(all, 1, &value));
  CHECK(has_json(value, "2"));
  CHECK(meshdict_snapshot_value(all, 3, &value) == MESHDICT_USAGE);
  meshdict_value_free(value);
  meshdict_snapshot_free(all);
  meshdict_snapshot_free(some);
  OK(meshdict_free_socket(socket));
  return "";
}

const char* c_case_ALeasedKeyIsRefusedWithOwnerAndTimeLeft(void) {
  PAIR(meshdict_open);
  OK(meshdict_set_text(ada, "lock", 4, "ada", 3));
  EVENTUALLY(holds_text(bob, "lock", "ada"));
  CHECK(meshdict_set_text(bob, "lock", 4, "bob", 3) == MESHDICT_LEASED);
  CHECK(strcmp(meshdict_error_owner(), meshdict_id(ada)) == 0);
  CHECK(meshdict_error_left_ms() > 3600000 - 100000 && strstr(meshdict_error_text(), "'lock'") != NULL);
  CHECK(meshdict_delete(bob, "lock", 4, NULL) == MESHDICT_LEASED);
  meshdict_lease lease;
  OK(meshdict_lease_of(bob, "lock", 4, &lease));
  CHECK(strcmp(lease.owner, meshdict_id(ada)) == 0 && lease.held && !lease.ours && lease.state == MESHDICT_FOREIGN);
  OK(meshdict_lease_of(ada, "lock", 4, &lease));
  CHECK(lease.ours && lease.left_ms > 0 && lease.epoch == 1 && lease.state != MESHDICT_FOREIGN);
  CHECK(meshdict_lease_of(ada, "luck", 4, &lease) == MESHDICT_NO_KEY && lease.ours);
  char* story = NULL;
  OK(meshdict_explain(bob, "lock", 4, &story));
  CHECK(strstr(story, meshdict_id(ada)) != NULL);
  meshdict_free(story);
  FREE_PAIR();
  return "";
}

const char* c_case_AWriteMayDependOnTheClaim(void) {
  PAIR(meshdict_open);
  meshdict_value* const one = meshdict_value_int(1);
  meshdict_lease first;
  meshdict_lease second;
  OK(meshdict_set_if_absent(ada, "k", 1, one));
  CHECK(meshdict_set_if_absent(ada, "k", 1, one) == MESHDICT_THERE);
  OK(meshdict_lease_of(ada, "k", 1, &first));
  OK(meshdict_set_if(ada, "k", 1, &first.fence, one));
  OK(meshdict_renew(ada, "k", 1));
  CHECK(meshdict_renew(ada, "j", 1) == MESHDICT_NO_KEY);
  int contained = 0;
  EVENTUALLY(meshdict_contains(bob, "k", 1, &contained) == MESHDICT_OK && contained);
  CHECK(meshdict_renew(bob, "k", 1) == MESHDICT_NOT_HELD);
  OK(meshdict_delete(ada, "k", 1, NULL));
  EVENTUALLY(meshdict_contains(bob, "k", 1, &contained) == MESHDICT_OK && !contained);
  OK(meshdict_set(bob, "k", 1, one));
  OK(meshdict_lease_of(bob, "k", 1, &second));
  CHECK(meshdict_fence_compare(&first.fence, &second.fence) < 0 &&
        meshdict_fence_compare(&second.fence, &second.fence) == 0);
  CHECK(meshdict_set_if(bob, "k", 1, &first.fence, one) == MESHDICT_OTHER_FENCE);
  meshdict_value_free(one);
  FREE_PAIR();
  return "";
}

const char* c_case_AnUpdateWritesAllOrNone(void) {
  PAIR(meshdict_open);
  meshdict_value* const one = meshdict_value_int(1);
  OK(meshdict_set(ada, "b", 1, one));
  EVENTUALLY(meshdict_lease_of(bob, "b", 1, &(meshdict_lease){.held = 0}) == MESHDICT_OK);
  const meshdict_item items[] = {{"a", 1, one}, {"b", 1, one}};
  size_t count = 0;
  CHECK(meshdict_update(bob, items, 2) == MESHDICT_LEASED);
  OK(meshdict_count(bob, &count));
  CHECK(count == 1);
  OK(meshdict_update(ada, items, 2));
  OK(meshdict_count(ada, &count));
  CHECK(count == 2);
  meshdict_value_free(one);
  FREE_PAIR();
  return "";
}

const char* c_case_MessagesAreSentReceivedAndAnswered(void) {
  PAIR(meshdict_open_mesh);
  meshdict_value* const packets[] = {meshdict_value_text("hello", MESHDICT_TEXT), meshdict_value_int(42)};
  meshdict_message* message = NULL;
  CHECK(meshdict_recv(bob, 0, &message) == MESHDICT_NOTHING && meshdict_recv(bob, 1, &message) == MESHDICT_NOTHING);
  OK(meshdict_send(ada, MESHDICT_BROADCAST, (const meshdict_value* const*)packets, 2));
  OK(meshdict_recv(bob, -1, &message));
  CHECK(meshdict_message_count(message) == 2 && has_json(meshdict_message_packet(message, 0), "\"hello\""));
  CHECK(has_json(meshdict_message_packet(message, 1), "42") && meshdict_message_packet(message, 2) == NULL);
  CHECK(strcmp(meshdict_message_sender(message), meshdict_id(ada)) == 0);
  CHECK(meshdict_message_flag(message) == MESHDICT_BROADCAST && meshdict_message_id(message) != NULL);
  CHECK(meshdict_message_time_ms(message) / 1000 >= time(NULL) - patience());
  OK(meshdict_reply_text(message, "hello, ada", MESHDICT_TEXT));
  meshdict_message* answer = NULL;
  OK(meshdict_recv(ada, -1, &answer));
  CHECK(has_json(meshdict_message_packet(answer, 0), "\"hello, ada\""));
  CHECK(meshdict_message_flag(answer) == MESHDICT_WHISPER);
  CHECK(meshdict_send_text(ada, 3, "no", 2) == MESHDICT_USAGE);
  CHECK(meshdict_send_text(ada, 256, "no", 2) == MESHDICT_USAGE && meshdict_send_text(ada, -1, "no", 2) == MESHDICT_USAGE);
  meshdict_message_free(answer);
  OK(meshdict_disconnect(ada, meshdict_id(bob)));
  CHECK(meshdict_disconnect(ada, "nobody") == MESHDICT_NOTHING);
  FREE_PAIR();
  CHECK(meshdict_reply_text(message, "late", 4) == MESHDICT_CLOSED); /* good beyond its socket */
  meshdict_message_free(message);
  meshdict_value_free(packets[0]);
  meshdict_value_free(packets[1]);
  return "";
}

static int take_greetings(meshdict_socket* socket, const meshdict_message* message, const char* from, void* user) {
  if (strcmp(from, meshdict_message_sender(message)) != 0 || meshdict_id(socket) == NULL) return 0;
  if (!has_json(meshdict_message_packet(message, 0), "\"greeting\"")) return 0;
  atomic_fetch_add((atomic_int*)user, 1);
  return 1;
}

static void count_event(meshdict_socket* socket, const meshdict_event* event, void* user) {
  if (socket != NULL && meshdict_event_key(event, NULL) == NULL) atomic_fetch_add((atomic_int*)user, 1);
}

const char* c_case_AHandlerTakesMessages(void) {
  PAIR(meshdict_open_mesh);
  atomic_int taken = 0;
  atomic_int queued = 0;
  meshdict_message* message = NULL;
  OK(meshdict_register_handler(bob, take_greetings, &taken));
  OK(meshdict_on(bob, "message", count_event, &queued, NULL));
  OK(meshdict_send_text(ada, MESHDICT_WHISPER, "greeting", MESHDICT_TEXT));
  OK(meshdict_send_text(ada, MESHDICT_WHISPER, "other", MESHDICT_TEXT));
  OK(meshdict_recv(bob, -1, &message));
  CHECK(has_json(meshdict_message_packet(message, 0), "\"other\"") && atomic_load(&taken) == 1);
  EVENTUALLY(atomic_load(&queued) == 1);
  meshdict_message_free(message);
  FREE_PAIR();
  return "";
}

const char* c_case_AWatchTellsWhatThereIsAndThenEveryChange(void) {
  meshdict_socket* socket = NULL;
  meshdict_watch* watch = NULL;
  struct seen seen = {0, 0};
  OK(meshdict_open("127.0.0.1", 0, NULL, &socket));
  OK(meshdict_set_text(socket, "colour", 6, "red", 3));
  OK(meshdict_watch_keys(socket, "col", 3, note_change, &seen, &watch));
  EVENTUALLY(atomic_load(&seen.updates) == 1);
  OK(meshdict_set_text(socket, "colour", 6, "red", 3));
  OK(meshdict_delete(socket, "colour", 6, NULL));
  EVENTUALLY(atomic_load(&seen.updates) == 2 && atomic_load(&seen.deletes) == 1);
  OK(meshdict_free_socket(socket));
  meshdict_watch_free(watch); /* after its socket */
  return "";
}

static void free_own(meshdict_socket* socket, const meshdict_event* event, void* user) {
  if (event != NULL) atomic_store((atomic_int*)user, (int)meshdict_free_socket(socket));
}

const char* c_case_ASocketIsNotFreedInItsOwnHandler(void) {
  meshdict_socket* socket = NULL;
  atomic_int code = -1;
  OK(meshdict_open("127.0.0.1", 0, NULL, &socket));
  OK(meshdict_on(socket, "update", free_own, &code, NULL));
  OK(meshdict_set_int(socket, "k", 1, 1));
  EVENTUALLY(atomic_load(&code) == MESHDICT_USAGE);
  OK(meshdict_free_socket(socket));
  return "";
}
