# onhand_test(NAME name LABEL label SOURCES file... [LINK module...] [TIMEOUT seconds] [FAILING_MALLOC])
#
# One C test program, built with cmocka. NAME is the file's name without ".c".
# FAILING_MALLOC lets it fail chosen allocations (support/failing_malloc.h).
#
# onhand_script_test(NAME name LABEL label COMMAND word... [TIMEOUT seconds] [ENVIRONMENT VAR=value...])
#
# One test that is a script. Exit code 77 means skipped.

set(ONHAND_FAILING_MALLOC_OPTIONS
    -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=vasprintf,--wrap=free)
set(ONHAND_TEST_LABELS lint unit prop sim integration e2e fuzz bench)

# The tests of what has threads, one list because it is one decision. ThreadSanitizer makes a program 4 to 15 times
# slower and sees nothing where there is one thread: the core, the codec, the timetable, HTTP, the simulator and the
# commands. Threads have the journal (the loop, a writer, a preparer), the snapshot writer, the projector, the log that
# they share, and what a server's metrics and readiness read of them. So the preset tsan builds and runs these alone;
# -DONHAND_EVERY_TEST=ON gives it all. One who adds a thread adds its tests here.
set(ONHAND_TESTS_OF_THREADS
    test_journal_directory test_journal_no_memory test_journal_threads test_log test_network test_server test_snapshot_file
    record test_durability test_http test_kill test_model test_projection test_projection_outages test_soak
    test_verifier)

# The tests that take longest begin first: one that begins last is waited for by itself.
set(ONHAND_TESTS_LONG
    plants_are_seen coverage_core sim_smoke corruption_smoke crash_images_smoke fail_once_smoke bench_projection_smoke
    bench_run_smoke test_durability test_journal_power_loss test_ledger_model test_linear_random test_memory_faults
    test_projection test_projection_kills test_projection_outages test_rebuild test_rebuild_faults test_rebuild_reads
    test_rows test_screen test_snapshot_file test_soak test_syscalls)

# Whether the test runs in this build.
function(onhand_test_runs name out_runs)
    set(runs TRUE)
    if(ONHAND_SANITIZE STREQUAL "thread" AND NOT ONHAND_EVERY_TEST AND NOT name IN_LIST ONHAND_TESTS_OF_THREADS)
        set(runs FALSE)
    endif()
    set(${out_runs} ${runs} PARENT_SCOPE)
endfunction()

function(onhand_test_properties name label timeout)
    if(NOT label IN_LIST ONHAND_TEST_LABELS)
        message(FATAL_ERROR "test ${name}: unknown label '${label}'")
    endif()
    # ThreadSanitizer makes code up to 15 times slower, most of ours about 4 times.
    if(ONHAND_SANITIZE)
        math(EXPR timeout "${timeout} * 4")
    endif()
    set_tests_properties(${name} PROPERTIES
        LABELS ${label}
        TIMEOUT ${timeout}
        SKIP_RETURN_CODE 77)
    if(name IN_LIST ONHAND_TESTS_LONG)
        set_tests_properties(${name} PROPERTIES COST 100)
    endif()
endfunction()

function(onhand_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "FAILING_MALLOC" "NAME;LABEL;TIMEOUT" "SOURCES;LINK")
    if(NOT arg_NAME OR NOT arg_LABEL OR NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "onhand_test: wrong arguments: ${ARGV}")
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    onhand_test_runs(${arg_NAME} runs)
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_link_libraries(${arg_NAME} PRIVATE onhand_options onhand_support PkgConfig::CMOCKA)
    foreach(module IN LISTS arg_LINK)
        target_link_libraries(${arg_NAME} PRIVATE onhand_${module})
    endforeach()
    if(arg_FAILING_MALLOC)
        target_sources(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/failing_malloc.c)
        target_link_options(${arg_NAME} PRIVATE ${ONHAND_FAILING_MALLOC_OPTIONS})
    endif()
    if(NOT runs)
        set_target_properties(${arg_NAME} PROPERTIES EXCLUDE_FROM_ALL TRUE)
        return()
    endif()
    add_test(NAME ${arg_NAME} COMMAND ${arg_NAME} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    onhand_test_properties(${arg_NAME} ${arg_LABEL} ${arg_TIMEOUT})
endfunction()

function(onhand_script_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;LABEL;TIMEOUT" "COMMAND;ENVIRONMENT")
    if(NOT arg_NAME OR NOT arg_LABEL OR NOT arg_COMMAND OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "onhand_script_test: wrong arguments: ${ARGV}")
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    onhand_test_runs(${arg_NAME} runs)
    if(NOT runs)
        return()
    endif()
    add_test(NAME ${arg_NAME} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    onhand_test_properties(${arg_NAME} ${arg_LABEL} ${arg_TIMEOUT})
    if(arg_ENVIRONMENT)
        set_tests_properties(${arg_NAME} PROPERTIES ENVIRONMENT "${arg_ENVIRONMENT}")
    endif()
endfunction()
