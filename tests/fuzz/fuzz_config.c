/*
 * fuzz_config.c - the configuration file.
 *
 * Laws: a file is read or refused with a sentence; what is in force, written out as a file, reads as the
 * same.
 */
#include "app/config.h"
#include "base/assert.h"
#include "fuzz/fuzz.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT_SIZE_MAX ((size_t)1 << 20)

/* A file in memory with these bytes, and a path by which it can be opened. */
static int file_make(struct oh_bytes bytes, char *out_path, size_t path_size)
{
    int file = memfd_create("config", MFD_CLOEXEC);
    OH_ASSERT(file >= 0);
    ssize_t written = bytes.size == 0 ? 0 : write(file, bytes.data, bytes.size);
    OH_ASSERT(written == (ssize_t)bytes.size);
    (void)snprintf(out_path, path_size, "/proc/self/fd/%d", file);
    return file;
}

static enum oh_err config_read(struct oh_bytes bytes, struct oh_config *out_config, struct oh_diag *diag)
{
    char path[64];
    int file = file_make(bytes, path, sizeof(path));
    diag->text[0] = '\0';
    oh_config_init(out_config);
    enum oh_err err = oh_config_read_file(out_config, path, diag);
    OH_ASSERT(err == OH_OK || strnlen(diag->text, sizeof(diag->text)) > 0);
    OH_ASSERT(strnlen(diag->text, sizeof(diag->text)) < sizeof(diag->text));
    (void)close(file);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct oh_config first;
    static struct oh_config second;
    struct oh_diag diag;
    struct oh_strbuf text;
    struct oh_strbuf again;
    if (config_read((struct oh_bytes){ (const char *)data, size }, &first, &diag) != OH_OK)
        return 0;
    if (oh_config_check(&first, &diag) != OH_OK)
        OH_ASSERT(strnlen(diag.text, sizeof(diag.text)) > 0);
    oh_strbuf_init(&text, TEXT_SIZE_MAX);
    oh_strbuf_init(&again, TEXT_SIZE_MAX);
    oh_config_write(&first, &text);
    OH_ASSERT(!text.is_overflowed);
    enum oh_err err = config_read(oh_strbuf_bytes(&text), &second, &diag);
    OH_ASSERT(err == OH_OK);
    oh_config_write(&second, &again);
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(&text), oh_strbuf_bytes(&again)));
    oh_strbuf_fini(&text);
    oh_strbuf_fini(&again);
    return 0;
}
