#ifndef PLUGIN_H
#define PLUGIN_H

/* 0, or the number of what failed. */
__attribute__((visibility("default"))) int plugin_work(void);

#endif
