/*
 * Files of what was traced: for their owner alone, whoever might read what was there before, and
 * never in the place of what is being read.
 */
#ifndef TOOLS_OWN_FILE_H
#define TOOLS_OWN_FILE_H

/*
 * Opened to be written and empty. source: the path of what is read, "-" for the standard input; NULL:
 * nothing is. -1: *error says why, without the name of the file, until strerror is called again.
 */
int own_file_open(const char *path, const char *source, const char **error);

#endif
