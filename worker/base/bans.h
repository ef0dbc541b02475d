/*
 * bans: functions that do not compile here. Include this last, after all system headers, or it bites them.
 *
 *   strcpy strcat sprintf vsprintf strncpy strncat gets   write without a bound or without the NUL: snprintf, str_buffer
 *   strtok asctime ctime gmtime localtime                 hidden shared state: the _r forms
 *   atoi atol atoll                                       cannot report an error: strtol and friends
 *   tmpnam mktemp                                         race: mkstemp
 */
#ifndef BASE_BANS_H
#define BASE_BANS_H

#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat gets
#pragma GCC poison strtok asctime ctime gmtime localtime
#pragma GCC poison atoi atol atoll tmpnam mktemp

#endif
