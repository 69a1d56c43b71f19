# The compile and link options of our own code, as one target. Code of others
# (llhttp) does not link it, so our warnings stay ours.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(onhand_options INTERFACE)

target_compile_definitions(onhand_options INTERFACE
    _GNU_SOURCE
    ONHAND_VERSION="${PROJECT_VERSION}"
    XXH_FORCE_MEMORY_ACCESS=1) # loads by themselves, not by a checked memcpy that is not inlined

target_include_directories(onhand_options INTERFACE
    ${PROJECT_SOURCE_DIR}/include
    ${PROJECT_SOURCE_DIR}/src)

target_compile_options(onhand_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    -Wswitch-enum -Wnull-dereference -Wmissing-prototypes -Wstrict-prototypes
    -Wvla -Wundef -Wformat=2 -Wcast-align -Wwrite-strings -Wpointer-arith
    -fno-common -fno-strict-aliasing -fno-semantic-interposition
    $<$<BOOL:${ONHAND_WERROR}>:-Werror>)

# The sanitizers and the hardening flags must reach every object in the
# program, llhttp's too, so they live in a target of their own.
add_library(onhand_codegen INTERFACE)

if(ONHAND_SANITIZE)
    target_compile_options(onhand_codegen INTERFACE
        -fsanitize=${ONHAND_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(onhand_codegen INTERFACE -fsanitize=${ONHAND_SANITIZE})
    # gcc's sanitizer checks confuse its own flow analysis.
    target_compile_options(onhand_options INTERFACE -Wno-null-dereference -Wno-maybe-uninitialized)
endif()

set(ONHAND_HARDEN_OPTIONS
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
    -fstack-protector-strong -fstack-clash-protection)
if(ONHAND_HARDEN)
    target_compile_options(onhand_codegen INTERFACE ${ONHAND_HARDEN_OPTIONS})
    target_link_options(onhand_codegen INTERFACE
        -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code
        $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
endif()

if(ONHAND_LTO)
    # Fat objects: the installed archive also serves programs linked without LTO.
    target_compile_options(onhand_codegen INTERFACE -flto=auto -ffat-lto-objects)
    target_link_options(onhand_codegen INTERFACE -flto=auto)
endif()

target_link_libraries(onhand_options INTERFACE onhand_codegen)
