#define _POSIX_C_SOURCE 200809L /* mkdtemp */

/* Values, options, errors, and the life of a socket. */

#include "cases.h"

#include <meshdict.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include "checks.h"

const char* c_case_ValuesComeBackAsTheyWere(void) {
  meshdict_socket* socket = NULL;
  OK(meshdict_open("127.0.0.1", 0, NULL, &socket));
  meshdict_value* const values[] = {meshdict_value_nil(),
                                    meshdict_value_bool(7),
                                    meshdict_value_int(INT64_MIN),
                                    meshdict_value_uint(UINT64_MAX),
                                    meshdict_value_real(2.5),
                                    meshdict_value_text("\xC3\xA4\x00z", 4),
                                    meshdict_value_bytes("\0\xFF", 2)};
  meshdict_value* back[7] = {NULL};
  for (size_t i = 0; i < 7; ++i) {
    OK(meshdict_set(socket, &i, sizeof i, values[i]));
    OK(meshdict_get(socket, &i, sizeof i, &back[i]));
    CHECK(meshdict_value_type(back[i]) == meshdict_value_type(values[i]));
  }
  int yes = 0;
  int64_t least = 0;
  uint64_t most = 0;
  double real = 0;
  const char* data = NULL;
  size_t size = 0;
  CHECK(meshdict_value_type(back[0]) == MESHDICT_NIL);
  OK(meshdict_value_as_bool(back[1], &yes));
  CHECK(yes == 1);
  OK(meshdict_value_as_int(back[2], &least));
  CHECK(least == INT64_MIN);
  CHECK(meshdict_value_as_uint(back[2], &most) == MESHDICT_OTHER_TYPE);
  OK(meshdict_value_as_uint(back[3], &most));
  CHECK(most == UINT64_MAX);
  CHECK(meshdict_value_as_int(back[3], &least) == MESHDICT_OTHER_TYPE && least == INT64_MIN);
  OK(meshdict_value_as_real(back[4], &real));
  CHECK(real == 2.5);
  OK(meshdict_value_as_bytes(back[5], &data, &size));
  CHECK(size == 4 && memcmp(data, "\xC3\xA4\0z", 5) == 0);
  OK(meshdict_value_as_bytes(back[6], &data, &size));
  CHECK(size == 2 && memcmp(data, "\0\xFF", 2) == 0);
  CHECK(meshdict_value_as_bytes(back[4], &data, &size) == MESHDICT_OTHER_TYPE);
  for (size_t i = 0; i < 7; ++i) {
    meshdict_value_free(values[i]);
    meshdict_value_free(back[i]);
  }
  OK(meshdict_free_socket(socket));
  return "";
}

const char* c_case_JsonAndMessagePackAreReadAndWritten(void) {
  const char json[] = "{\"at\":[21.5,-3,18446744073709551615,true,null],\"name\":\"sensor 7\"}";
  meshdict_value* const value = meshdict_value_from_json(json, MESHDICT_TEXT);
  CHECK(value != NULL && has_json(value, json));
  CHECK(meshdict_value_size(value) == 2);
  const meshdict_value* const at = meshdict_value_of(value, "at");
  int64_t integer = 0;
  CHECK(meshdict_value_size(at) == 5);
  OK(meshdict_value_as_int(meshdict_value_at(at, 1), &integer));
  CHECK(integer == -3);
  CHECK(meshdict_value_at(at, 5) == NULL && meshdict_value_of(value, "of") == NULL &&
        meshdict_value_of(at, "x") == NULL);
  char* packed = NULL;
  size_t size = 0;
  OK(meshdict_value_to_msgpack(value, &packed, &size));
  meshdict_value* const again = meshdict_value_from_msgpack(packed, size);
  CHECK(again != NULL && has_json(again, json));
  CHECK(meshdict_value_from_msgpack(packed, size - 1) == NULL);
  meshdict_free(packed);
  meshdict_value_free(again);
  meshdict_value_free(value);
  return "";
}

const char* c_case_WhatIsNoValueIsAnError(void) {
  CHECK(meshdict_value_from_json("{\"a\":", MESHDICT_TEXT) == NULL);
  CHECK(strstr(meshdict_error_text(), "parse error") != NULL);
  char deep[81] = {0};
  memset(deep, '[', 40);
  memset(deep + 40, ']', 40);
  CHECK(meshdict_value_from_json(deep, MESHDICT_TEXT) == NULL);
  CHECK(strstr(meshdict_error_text(), "more than 32 deep") != NULL);
  meshdict_value* const value = meshdict_value_from_json(deep + 10, 60);
  CHECK(value != NULL);
  meshdict_value_free(value);
  meshdict_socket* socket = NULL;
  OK(meshdict_open("127.0.0.1", 0, NULL, &socket));
  CHECK(meshdict_set_text(socket, "k", 1, "\xFF", 1) == MESHDICT_BAD_VALUE);
  static char key[65536];
  CHECK(meshdict_set_int(socket, key, sizeof key, 1) == MESHDICT_BAD_KEY);
  OK(meshdict_set_int(socket, key, sizeof key - 1, 1));
  OK(meshdict_set_int(socket, "", 0, 1));
  OK(meshdict_free_socket(socket));
  return "";
}

const char* c_case_NullIsAnErrorAndNoCrash(void) {
  meshdict_socket* socket = NULL;
  meshdict_value* value = NULL;
  CHECK(meshdict_open("127.0.0.1", 0, NULL, NULL) == MESHDICT_USAGE);
  CHECK(meshdict_open(NULL, 0, NULL, &socket) == MESHDICT_USAGE && socket == NULL);
  CHECK(strcmp(meshdict_error_text(), "addr is NULL") == 0);
  CHECK(meshdict_set_text(NULL, "k", 1, "v", 1) == MESHDICT_USAGE);
  CHECK(meshdict_status(NULL, &value) == MESHDICT_USAGE && value == NULL);
  OK(meshdict_open("127.0.0.1", 0, NULL, &socket));
  CHECK(meshdict_set(socket, "k", 1, NULL) == MESHDICT_USAGE);
  CHECK(meshdict_set_text(socket, NULL, 1, "v", 1) == MESHDICT_USAGE);
  CHECK(meshdict_get(socket, "k", 1, NULL) == MESHDICT_USAGE);
  CHECK(meshdict_send(socket, MESHDICT_BROADCAST, NULL, 1) == MESHDICT_USAGE);
  CHECK(meshdict_on(socket, "update", NULL, NULL, NULL) == MESHDICT_USAGE);
  CHECK(meshdict_value_type(NULL) == MESHDICT_NIL && meshdict_value_size(NULL) == 0);
  CHECK(meshdict_message_packet(NULL, 0) == NULL && meshdict_event_key(NULL, NULL) == NULL);
  meshdict_value_free(NULL);
  meshdict_message_free(NULL);
  meshdict_snapshot_free(NULL);
  meshdict_watch_free(NULL);
  meshdict_options_free(NULL);
  meshdict_free(NULL);
  OK(meshdict_free_socket(NULL));
  OK(meshdict_free_socket(socket));
  return "";
}

static void count_line(int level, const char* line, void* user) {
  if (level > 0 && *line != '\0') atomic_fetch_add((atomic_int*)user, 1);
}

const char* c_case_OptionsAreCheckedByName(void) {
  meshdict_options* const options = meshdict_options_new();
  atomic_int lines = 0;
  CHECK(meshdict_options_set(options, "leese-ms", "5") == MESHDICT_SETTINGS);
  CHECK(strcmp(meshdict_error_text(), "there is no option 'leese-ms'") == 0);
  CHECK(meshdict_options_set(options, "lease-ms", "5s") == MESHDICT_SETTINGS);
  CHECK(meshdict_options_set(options, "leasing", "perhaps") == MESHDICT_SETTINGS);
  CHECK(meshdict_options_set(options, "out-addr", "nowhere") == MESHDICT_SETTINGS);
  OK(meshdict_options_set(options, "network", "chess"));
  OK(meshdict_options_set(options, "debug-level", "1"));
  OK(meshdict_options_set(options, "out-addr", "[::1]:4001"));
  OK(meshdict_options_log(options, count_line, &lines));
  meshdict_socket* ada = NULL;
  meshdict_socket* bob = NULL;
  OK(meshdict_open("127.0.0.1", 0, options, &ada));
  char* address = NULL;
  OK(meshdict_out_addr(ada, &address, NULL));
  CHECK(strcmp(address, "[::1]:4001") == 0);
  meshdict_free(address);
  OK(meshdict_open("127.0.0.1", 0, NULL, &bob));
  uint16_t port = 0;
  OK(meshdict_out_addr(bob, NULL, &port));
  OK(meshdict_connect(ada, "127.0.0.1", port, NULL, NULL));
  EVENTUALLY(atomic_load(&lines) > 0); /* the log tells that bob is of another network */
  CHECK(has_neighbours(ada, 0));
  OK(meshdict_options_set(options, "encryption", "TLS"));
  CHECK(meshdict_open("127.0.0.1", 0, options, &ada) == MESHDICT_SETTINGS);
  OK(meshdict_options_set(options, "mesh-key-file", "absent.key"));
  OK(meshdict_options_set(options, "tls-cert", "absent.pem"));
  CHECK(meshdict_open("127.0.0.1", 0, options, &ada) == MESHDICT_SETTINGS);
  OK(meshdict_options_set(options, "lease-ms", "5000"));
  CHECK(meshdict_open_mesh("127.0.0.1", 0, options, &ada) == MESHDICT_SETTINGS);
  CHECK(strstr(meshdict_error_text(), "'lease-ms' is for sockets with a dictionary") != NULL);
  meshdict_options_free(options);
  FREE_PAIR();
  return "";
}

const char* c_case_AClosedSocketRefusesWhatNeedsTheMesh(void) {
  meshdict_socket* socket = NULL;
  meshdict_socket* second = NULL;
  uint16_t port = 0;
  OK(meshdict_open("127.0.0.1", 0, NULL, &socket));
  OK(meshdict_out_addr(socket, NULL, &port));
  CHECK(meshdict_open("127.0.0.1", port, NULL, &second) == MESHDICT_PORT_IN_USE && second == NULL);
  CHECK(meshdict_open("192.0.2.1", 0, NULL, &second) == MESHDICT_LISTEN);
  OK(meshdict_close(socket));
  CHECK(meshdict_close(socket) == MESHDICT_CLOSED);
  meshdict_message* message = NULL;
  CHECK(meshdict_recv(socket, -1, &message) == MESHDICT_CLOSED && meshdict_recv(socket, 0, &message) == MESHDICT_CLOSED);
  CHECK(meshdict_set_int(socket, "k", 1, 1) == MESHDICT_CLOSED);
  CHECK(meshdict_connect(socket, "127.0.0.1", 1, NULL, NULL) == MESHDICT_CLOSED);
  meshdict_value* status = NULL;
  OK(meshdict_status(socket, &status));
  CHECK(has_json(meshdict_value_of(status, "nominal"), "true"));
  meshdict_value_free(status);
  OK(meshdict_free_socket(socket));
  return "";
}

static void ignore_event(meshdict_socket* socket, const meshdict_event* event, void* user) {
  (void)socket, (void)event, (void)user;
}

const char* c_case_AMeshSocketHasNoDictionary(void) {
  meshdict_socket* socket = NULL;
  OK(meshdict_open_mesh("127.0.0.1", 0, NULL, &socket));
  CHECK(meshdict_set_int(socket, "k", 1, 1) == MESHDICT_USAGE);
  CHECK(strstr(meshdict_error_text(), "carries messages only") != NULL);
  CHECK(meshdict_on(socket, "update", ignore_event, NULL, NULL) == MESHDICT_USAGE);
  OK(meshdict_request_peers(socket));
  OK(meshdict_free_socket(socket));
  return "";
}

const char* c_case_ADataDirectoryKeepsKeys(void) {
  char directory[] = "c_api_data_XXXXXX";
  char command[64];
  CHECK(mkdtemp(directory) != NULL);
  meshdict_options* const options = meshdict_options_new();
  OK(meshdict_options_set(options, "data-dir", directory));
  meshdict_socket* socket = NULL;
  meshdict_socket* second = NULL;
  OK(meshdict_open("127.0.0.1", 0, options, &socket));
  CHECK(meshdict_open("127.0.0.1", 0, options, &second) == MESHDICT_STORAGE);
  OK(meshdict_set_text(socket, "k", 1, "kept", 4));
  char id[MESHDICT_ID_ROOM];
  snprintf(id, sizeof id, "%s", meshdict_id(socket));
  OK(meshdict_free_socket(socket));
  OK(meshdict_open("127.0.0.1", 0, options, &socket));
  CHECK(holds_text(socket, "k", "kept") && strcmp(id, meshdict_id(socket)) == 0);
  OK(meshdict_free_socket(socket));
  meshdict_options_free(options);
  snprintf(command, sizeof command, "rm -r %s", directory);
  CHECK(system(command) == 0);
  return "";
}

static int fail_elsewhere(void* user) {
  (void)user;
  meshdict_value_from_json("nonsense", MESHDICT_TEXT);
  return strstr(meshdict_error_text(), "parse error") != NULL;
}

const char* c_case_ErrorsAreOfTheThread(void) {
  thrd_t thread;
  int noted = 0;
  CHECK(meshdict_close(NULL) == MESHDICT_USAGE);
  CHECK(thrd_create(&thread, fail_elsewhere, NULL) == thrd_success && thrd_join(thread, &noted) == thrd_success);
  CHECK(noted && strcmp(meshdict_error_text(), "socket is NULL") == 0);
  CHECK(strcmp(meshdict_code_name(MESHDICT_USAGE), "USAGE") == 0 &&
        strcmp(meshdict_code_name(99), "?") == 0);
  CHECK(meshdict_version()[0] != '\0');
  return "";
}
