# Libraries of others, all Debian packages (deploy/packages.txt), all found by
# pkg-config except llhttp, which Debian ships as sources.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET libevent_core libevent_pthreads)
if(ONHAND_TESTS)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
    pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
endif()

set(ONHAND_LLHTTP_SOURCE_DIR /usr/share/llhttp CACHE PATH "Folder of llhttp's C sources")
set(ONHAND_LLHTTP_INCLUDE_DIR /usr/share/include/llhttp CACHE PATH "Folder of llhttp.h")

add_library(onhand_llhttp STATIC
    ${ONHAND_LLHTTP_SOURCE_DIR}/api.c
    ${ONHAND_LLHTTP_SOURCE_DIR}/http.c
    ${ONHAND_LLHTTP_SOURCE_DIR}/llhttp.c)
target_include_directories(onhand_llhttp SYSTEM PUBLIC ${ONHAND_LLHTTP_INCLUDE_DIR})
target_compile_options(onhand_llhttp PRIVATE -w)
target_link_libraries(onhand_llhttp PRIVATE onhand_codegen)
