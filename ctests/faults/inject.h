/*
 * Makes calls of libbridgeq.so fail: what it asks of the C library and of the kernel goes through
 * libinject.so, which a program is linked with or which is preloaded. Calls of everybody else pass.
 *
 *   FAULT=memory FAULT_AT=3                    the third allocation fails
 *   FAULT=memory FAULT_AT=3 FAULT_ON=1         the third and every later one
 *
 * At its end the process says how many calls it made fail: "injected 1".
 */
#ifndef INJECT_H
#define INJECT_H

/* From now on nothing fails. */
void fault_off(void);
/* How many blocks the library has allocated and not freed. */
long fault_live(void);

#endif
