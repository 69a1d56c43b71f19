#include "timetable/builder.h"
#include "base/assert.h"
#include "timetable/edition.h"
#include <stdlib.h>

struct oh_timetable_builder {
    uint32_t horizon_days;
    uint64_t version;        /* of the last timetable */
    uint64_t source_version; /* it was made of */
    struct oh_json_document *memory;
    struct oh_compiler *compiler; /* of the edition's days; NULL before the first */
    struct oh_edition *edition;
    struct oh_sourcing_content *draft;
};

enum oh_err oh_timetable_builder_create(uint32_t horizon_days, struct oh_timetable_builder **out_builder)
{
    OH_ASSERT(horizon_days >= 1 && horizon_days <= OH_HORIZON_DAYS_MAX);
    struct oh_timetable_builder *builder = calloc(1, sizeof(*builder));
    if (builder == NULL)
        return OH_E_NOMEM;
    builder->horizon_days = horizon_days;
    if (oh_json_document_create(&builder->memory) != OH_OK) {
        free(builder);
        return OH_E_NOMEM;
    }
    *out_builder = builder;
    return OH_OK;
}

static void compiler_destroy(struct oh_compiler *compiler)
{
    if (compiler == NULL)
        return;
    oh_compiler_fini(compiler);
    free(compiler);
}

static void draft_drop(struct oh_timetable_builder *builder)
{
    if (builder->draft != NULL)
        oh_content_unref(&builder->draft->base);
    builder->draft = NULL;
}

void oh_timetable_builder_destroy(struct oh_timetable_builder **builder)
{
    if (*builder == NULL)
        return;
    draft_drop(*builder);
    oh_edition_destroy(&(*builder)->edition);
    compiler_destroy((*builder)->compiler);
    oh_json_document_destroy(&(*builder)->memory);
    free(*builder);
    *builder = NULL;
}

/* ---- Refresh ---------------------------------------------------------------------------------- */

/* Whether the timetable is of these days: it begins yesterday, and is made anew when the day ends. */
static bool days_are_current(const struct oh_timetable_builder *builder, int64_t now_us)
{
    const struct oh_compiler *compiler = builder->compiler;
    return compiler != NULL && now_us >= compiler->from_us && now_us < compiler->from_us + 2 * OH_US_PER_DAY;
}

static enum oh_err compiler_create(const struct oh_timetable_builder *builder, int64_t now_us,
                                   struct oh_compiler **out_compiler)
{
    int64_t today_us = now_us / OH_US_PER_DAY * OH_US_PER_DAY;
    int64_t from_us = today_us - OH_US_PER_DAY;
    int64_t until_us = today_us + ((int64_t)builder->horizon_days + 1) * OH_US_PER_DAY;
    struct oh_compiler *compiler = malloc(sizeof(*compiler));
    if (compiler == NULL)
        return OH_E_NOMEM;
    if (oh_compiler_init(compiler, builder->memory, from_us, until_us) != OH_OK) {
        free(compiler);
        return OH_E_NOMEM;
    }
    *out_compiler = compiler;
    return OH_OK;
}

/* The new edition takes the place of the old one. */
static void builder_commit(struct oh_timetable_builder *builder, struct oh_compiler *compiler,
                           struct oh_edition *edition, uint64_t source_version)
{
    oh_edition_commit(edition);
    draft_drop(builder);
    oh_edition_destroy(&builder->edition);
    if (builder->compiler != compiler)
        compiler_destroy(builder->compiler);
    builder->compiler = compiler;
    builder->edition = edition;
    builder->source_version = source_version;
    edition->table.version = ++builder->version;
}

static enum oh_err builder_build(struct oh_timetable_builder *builder, const struct oh_ledger *ledger,
                                 const struct oh_document_source *source, int64_t now_us,
                                 uint64_t source_version)
{
    bool is_same_days = days_are_current(builder, now_us);
    struct oh_compiler *compiler = builder->compiler;
    struct oh_edition *edition = NULL;
    if (!is_same_days && compiler_create(builder, now_us, &compiler) != OH_OK)
        return OH_E_NOMEM;
    enum oh_err err =
        oh_edition_build(compiler, ledger, source, is_same_days ? builder->edition : NULL, &edition);
    if (err == OH_OK)
        builder_commit(builder, compiler, edition, source_version);
    else if (!is_same_days)
        compiler_destroy(compiler);
    return err;
}

enum oh_err oh_timetable_refresh(struct oh_timetable_builder *builder, const struct oh_ledger *ledger,
                                 const struct oh_document_source *source, int64_t now_us,
                                 const struct oh_timetable **out_timetable)
{
    uint64_t source_version = source->version(source->ctx);
    enum oh_err err = OH_OK;
    if (builder->edition == NULL || builder->source_version != source_version ||
        !days_are_current(builder, now_us))
        err = builder_build(builder, ledger, source, now_us, source_version);
    *out_timetable = builder->edition == NULL ? NULL : &builder->edition->table;
    return err;
}

enum oh_err oh_timetable_draft(struct oh_timetable_builder *builder, const struct oh_ledger *ledger,
                               const struct oh_document_source *source, struct oh_bytes text,
                               const struct oh_sourcing **out_sourcing, struct oh_fault *fault)
{
    struct oh_document document;
    struct oh_sourcing_content *draft = NULL;
    OH_ASSERT(builder->edition != NULL);
    if (oh_document_judge(builder->memory, OH_DOCUMENT_SOURCING, text, &document, fault) != OH_OK)
        return OH_E_SYNTAX;
    if (oh_edition_draft(builder->edition, builder->compiler, ledger, source, text, &draft) != OH_OK)
        return OH_E_NOMEM;
    draft_drop(builder);
    builder->draft = draft;
    *out_sourcing = &draft->sourcing;
    return OH_OK;
}
