/*
 * say_error: the last line of a command that did not do what it was asked: the error and its causes, on standard error, without what
 * config providers answered.
 */
#ifndef MAIN_SAY_ERROR_H
#define MAIN_SAY_ERROR_H

struct mr_error;

void say_error(const char *command, const struct mr_error *error);

#endif
