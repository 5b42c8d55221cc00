#pragma once
// What the cases in C have in common.

#include <meshdict.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>

/* What was wrong, with the last error. */
static inline const char* failed(int line, const char* condition) {
  static char text[2000];
  snprintf(text, sizeof text, "line %d: not so: %s (last error: %s)", line, condition, meshdict_error_text());
  return text;
}

#define CHECK(condition)                                   \
  do {                                                     \
    if (!(condition)) return failed(__LINE__, #condition); \
  } while (0)

#define OK(call) CHECK((call) == MESHDICT_OK)

/* Asks again until it is so. Generous: only a hang lasts so long. */
#define EVENTUALLY(condition)                                   \
  do {                                                          \
    const time_t until = time(NULL) + patience();               \
    while (!(condition)) {                                      \
      CHECK(time(NULL) < until && #condition);                  \
      thrd_sleep(&(struct timespec){.tv_nsec = 2000000}, NULL); \
    }                                                           \
  } while (0)

static inline time_t patience(void) {
  const char* const asked = getenv("MESHDICT_PATIENCE");
  return asked == NULL ? 60 : atoi(asked);
}

static inline int has_neighbours(const meshdict_socket* socket, size_t count) {
  meshdict_value* neighbours = NULL;
  if (meshdict_neighbours(socket, &neighbours) != MESHDICT_OK) return 0;
  const int has = meshdict_value_size(neighbours) == count;
  meshdict_value_free(neighbours);
  return has;
}

/* `left` dials `right`; both know it then. */
static inline const char* join(meshdict_socket* left, meshdict_socket* right) {
  uint16_t port = 0;
  int dialled = 0;
  OK(meshdict_out_addr(right, NULL, &port));
  OK(meshdict_connect(left, "127.0.0.1", port, meshdict_id(right), &dialled));
  CHECK(dialled);
  EVENTUALLY(has_neighbours(left, 1) && has_neighbours(right, 1));
  return "";
}

/* Two neighbours, ada and bob. */
#define PAIR(open)                            \
  meshdict_socket* ada = NULL;                \
  meshdict_socket* bob = NULL;                \
  OK(open("127.0.0.1", 0, NULL, &ada));       \
  OK(open("127.0.0.1", 0, NULL, &bob));       \
  do {                                        \
    const char* const wrong = join(ada, bob); \
    if (*wrong != '\0') return wrong;         \
  } while (0)

#define FREE_PAIR()                \
  do {                             \
    OK(meshdict_free_socket(ada)); \
    OK(meshdict_free_socket(bob)); \
  } while (0)

static inline int holds_text(const meshdict_socket* socket, const char* key, const char* expected) {
  char* text = NULL;
  if (meshdict_get_text(socket, key, MESHDICT_TEXT, &text, NULL) != MESHDICT_OK) return 0;
  const int holds = strcmp(text, expected) == 0;
  meshdict_free(text);
  return holds;
}

static inline int has_json(const meshdict_value* value, const char* expected) {
  char* json = NULL;
  if (meshdict_value_to_json(value, &json) != MESHDICT_OK) return 0;
  const int has = strcmp(json, expected) == 0;
  if (!has) printf("%s instead of %s\n", json, expected);
  meshdict_free(json);
  return has;
}
