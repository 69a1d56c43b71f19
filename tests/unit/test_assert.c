#include "base/assert.h"
#include "support/test.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_assert_goes_on_when_the_condition_holds(void **state)
{
    (void)state;
    int one = 1;
    OH_ASSERT(one == 1);
}

static void fail_in_child(int stderr_fd)
{
    int one = 1;
    (void)dup2(stderr_fd, STDERR_FILENO);
    (void)signal(SIGABRT, SIG_DFL);
    OH_ASSERT(one == 2);
    _exit(0);
}

static void test_assert_says_where_and_aborts_when_the_condition_fails(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        fail_in_child(ends[1]);
    close(ends[1]);
    char text[512] = { 0 };
    ssize_t size = read(ends[0], text, sizeof(text) - 1);
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_true(size > 0);
    assert_non_null(strstr(text, "one == 2"));
    assert_non_null(strstr(text, "test_assert.c:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assert_goes_on_when_the_condition_holds),
        cmocka_unit_test(test_assert_says_where_and_aborts_when_the_condition_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
