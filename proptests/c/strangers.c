/* Functions of another Asio and of another meshdict, as a program that embeds the C library may have and show them to all shared
 * objects. Were the library bound to these instead of its own, its first socket would end the program. */

#include <stdlib.h>

void _ZN4asio6detail9scheduler3runERSt10error_code(void);
void _ZN4asio6detail9scheduler3runERSt10error_code(void) {
  abort();
}

void _ZN4asio6detail13epoll_reactor3runElRNS0_8op_queueINS0_19scheduler_operationEEE(void);
void _ZN4asio6detail13epoll_reactor3runElRNS0_8op_queueINS0_19scheduler_operationEEE(void) {
  abort();
}

void _ZN8meshdict10MeshSocket5closeEv(void);
void _ZN8meshdict10MeshSocket5closeEv(void) {
  abort();
}
