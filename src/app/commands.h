/*
 * commands.h - the commands of the program, one function each.
 *
 * argv[0] is the command's name ("load"), the rest are its arguments. Returns
 * the exit code of the process: 0 all went well, 1 not all did, 2 the
 * arguments are wrong.
 */
#ifndef ONHAND_APP_COMMANDS_H
#define ONHAND_APP_COMMANDS_H

int oh_command_bench(int argc, char **argv);
int oh_command_demo(int argc, char **argv);
int oh_command_dump(int argc, char **argv);
int oh_command_load(int argc, char **argv);
int oh_command_migrate(int argc, char **argv);
int oh_command_rebuild(int argc, char **argv);
int oh_command_routes(int argc, char **argv);
int oh_command_serve(int argc, char **argv);
int oh_command_verify(int argc, char **argv);
int oh_command_whatif(int argc, char **argv);

#endif
