/*
 * test.h - cmocka with the headers it needs before it.
 */
#ifndef ONHAND_TESTS_SUPPORT_TEST_H
#define ONHAND_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
