// Errors without exceptions: ops and the runtime return a Status; the N-API layer turns it into an OctavoError.
#pragma once
#include <stdarg.h>
#include <stdio.h>

namespace octavo {

// One to one with OctavoError codes; see `src/native-error.ts`.
enum class Code { Ok = 0, InvalidArgument, InvalidShape, InvalidDtype, InvalidData, Aborted, OutOfMemory, Unsupported };

struct Status {
  Code code = Code::Ok;
  char message[240] = {0};
  bool ok() const { return code == Code::Ok; }
};

inline Status fail(Code code, const char* format, ...) {
  Status status;
  status.code = code;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(status.message, sizeof(status.message), format, arguments);
  va_end(arguments);
  return status;
}

#define OCTAVO_TRY(expression)                 \
  do {                                         \
    ::octavo::Status octavo_status = (expression); \
    if (!octavo_status.ok()) return octavo_status; \
  } while (0)

}  // namespace octavo
