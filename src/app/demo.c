#include "app/demo.h"

#include "app/arguments.h"
#include "app/commands.h"
#include "app/demo_towns.h"
#include "base/assert.h"
#include "base/prng.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEMO_CATEGORY_COUNT     20
#define DEMO_PRODUCT_COUNT      10
#define DEMO_VARIANT_COUNT      10
#define DEMO_ITEMS_PER_CATEGORY (DEMO_PRODUCT_COUNT * DEMO_VARIANT_COUNT)
#define DEMO_PATH_SIZE          4096
#define DEMO_SKU_SIZE           16

_Static_assert(OH_DEMO_ITEM_COUNT == DEMO_CATEGORY_COUNT * DEMO_ITEMS_PER_CATEGORY, "the catalogue is full");

/* Every product comes in every variant of its category. */
struct demo_category {
    const char *code;
    bool is_measured; /* sold by weight or length: stock has decimals */
    const char *const *variants;
    const char *products[DEMO_PRODUCT_COUNT];
};

static const char *const colours[DEMO_VARIANT_COUNT] = {
    "white", "black", "grey", "navy", "red", "sage", "sand", "ochre", "terracotta", "sky blue"
};
static const char *const sizes[DEMO_VARIANT_COUNT] = { "XS",        "S",        "M",        "L",
                                                       "XL",        "kids 4 y", "kids 6 y", "kids 8 y",
                                                       "kids 10 y", "kids 12 y" };
static const char *const shoe_sizes[DEMO_VARIANT_COUNT] = { "36", "37", "38", "39", "40",
                                                            "41", "42", "43", "44", "45" };
static const char *const pan_sizes[DEMO_VARIANT_COUNT] = { "16 cm", "18 cm", "20 cm", "22 cm", "24 cm",
                                                           "26 cm", "28 cm", "30 cm", "32 cm", "35 cm" };
static const char *const lengths[DEMO_VARIANT_COUNT] = { "20 cm", "25 cm", "30 cm", "40 cm",  "50 cm",
                                                         "60 cm", "80 cm", "90 cm", "100 cm", "120 cm" };
static const char *const volumes[DEMO_VARIANT_COUNT] = { "0.25 l", "0.33 l", "0.5 l", "0.75 l", "1 l",
                                                         "1.5 l",  "2 l",    "2.5 l", "4 l",    "5 l" };
static const char *const scents[DEMO_VARIANT_COUNT] = {
    "unscented", "lavender", "lemon", "mint", "rose", "fig", "vanilla", "orange", "verbena", "pine"
};
static const char *const origins[DEMO_VARIANT_COUNT] = { "house blend", "Ethiopia",  "Brazil",   "Peru",
                                                         "India",       "Ceylon",    "Provence", "organic",
                                                         "roasted",     "fair trade" };
static const char *const fabrics[DEMO_VARIANT_COUNT] = { "plain white", "plain black", "striped", "checked",
                                                         "dotted",      "floral",      "natural", "indigo",
                                                         "mustard",     "leaf print" };
static const char *const diameters[DEMO_VARIANT_COUNT] = { "3 mm",  "4 mm",  "5 mm",  "6 mm",  "8 mm",
                                                           "10 mm", "12 mm", "14 mm", "16 mm", "20 mm" };
static const char *const packs[DEMO_VARIANT_COUNT] = { "single",     "pack of 2", "pack of 3",  "pack of 4",
                                                       "pack of 6",  "pack of 8", "pack of 10", "pack of 12",
                                                       "pack of 20", "pack of 24" };

static const struct demo_category categories[DEMO_CATEGORY_COUNT] = {
    { "KIT",
      false,
      pan_sizes,
      { "Frying pan", "Chopping board", "Serving tray", "Baking tin", "Steel whisk", "Bread basket",
        "Oven dish", "Rolling pin", "Salad tongs", "Cast iron grill" } },
    { "POT",
      false,
      volumes,
      { "Saucepan", "Storage jar", "Water jug", "Teapot", "Mixing bowl", "Vacuum flask", "Measuring jug",
        "Milk pan", "Preserving jar", "Carafe" } },
    { "TAB",
      false,
      colours,
      { "Dinner plate", "Soup bowl", "Espresso cup", "Mug", "Table runner", "Linen napkin", "Salad bowl",
        "Egg cup", "Cake stand", "Butter dish" } },
    { "BED",
      false,
      colours,
      { "Fitted sheet", "Duvet cover", "Pillowcase", "Wool blanket", "Bedspread", "Mattress protector",
        "Bolster cover", "Quilt", "Throw", "Cushion cover" } },
    { "BTH",
      false,
      colours,
      { "Bath towel", "Hand towel", "Bath mat", "Shower curtain", "Soap dish", "Toothbrush holder",
        "Laundry basket", "Bathrobe", "Flannel", "Toilet brush" } },
    { "LGT",
      false,
      colours,
      { "Desk lamp", "Floor lamp", "Pendant light", "Bedside lamp", "Wall light", "Clip lamp", "Lampshade",
        "String lights", "Reading light", "Lantern" } },
    { "FUR",
      false,
      colours,
      { "Dining chair", "Bar stool", "Bedside table", "Folding table", "Bookcase", "Bench", "Armchair",
        "Coat stand", "Shoe rack", "Side table" } },
    { "STO",
      false,
      lengths,
      { "Wall shelf", "Storage box", "Drawer divider", "Hanging rail", "Wicker basket", "Shelf bracket",
        "Tool box", "Under-bed box", "Magazine rack", "Peg board" } },
    { "GAR",
      false,
      volumes,
      { "Watering can", "Plant pot", "Potting compost", "Liquid fertiliser", "Pressure sprayer", "Bird feed",
        "Lawn seed", "Rain gauge jar", "Hanging planter", "Weed control" } },
    { "TLS",
      false,
      diameters,
      { "Wood drill bit", "Masonry drill bit", "Metal drill bit", "Hex key", "Combination spanner",
        "Wood chisel", "Wall plug set", "Wood screw box", "Coach bolt", "Dowel rod" } },
    { "PNT",
      false,
      volumes,
      { "Matt wall paint", "Satin wood paint", "Primer", "Floor varnish", "Wood stain", "Metal paint",
        "White spirit", "Chalk paint", "Exterior paint", "Ceiling paint" } },
    { "CLO",
      false,
      sizes,
      { "Cotton T-shirt", "Linen shirt", "Sweatshirt", "Rain jacket", "Pyjamas", "Fleece", "Knitted jumper",
        "Shorts", "Apron dress", "Thermal vest" } },
    { "SHO",
      false,
      shoe_sizes,
      { "Canvas shoes", "Rubber boots", "House slippers", "Garden clogs", "Walking shoes", "Sandals",
        "Espadrilles", "Running shoes", "Winter boots", "Flip-flops" } },
    { "CRE",
      false,
      scents,
      { "Hand soap", "Shower gel", "Shampoo", "Hand cream", "Bath salts", "Body lotion", "Lip balm",
        "Deodorant", "Massage oil", "Shaving cream" } },
    { "CLN",
      false,
      scents,
      { "Washing-up liquid", "Laundry liquid", "Floor cleaner", "Glass cleaner", "Dishwasher tablets",
        "Fabric softener", "Kitchen spray", "Scented candle", "Room spray", "Limescale remover" } },
    { "TOY",
      false,
      packs,
      { "Wooden blocks", "Modelling clay", "Colouring pencils", "Bouncy ball", "Toy car", "Finger puppet",
        "Jigsaw puzzle", "Skipping rope", "Bubble tube", "Card game" } },
    { "OFF",
      false,
      packs,
      { "Ballpoint pen", "Notebook A5", "Envelope C5", "Highlighter", "Glue stick", "File folder",
        "Sticky notes", "AA battery", "LED bulb", "Adhesive tape" } },
    { "SPO",
      false,
      colours,
      { "Yoga mat", "Water bottle", "Gym towel", "Backpack", "Cycling helmet", "Resistance band",
        "Swimming goggles", "Table tennis bat", "Picnic blanket", "Tent" } },
    { "BLK",
      true,
      origins,
      { "Coffee beans by the kg", "Black tea by the kg", "Almonds by the kg", "Cashews by the kg",
        "Red lentils by the kg", "Rice by the kg", "Dried apricots by the kg", "Oat flakes by the kg",
        "Cane sugar by the kg", "Herb mix by the kg" } },
    { "FAB",
      true,
      fabrics,
      { "Cotton fabric by the metre", "Linen fabric by the metre", "Velvet by the metre",
        "Curtain net by the metre", "Oilcloth by the metre", "Jersey by the metre", "Ribbon by the metre",
        "Upholstery fabric by the metre", "Flannel fabric by the metre", "Canvas by the metre" } },
};

struct demo_file {
    FILE *stream;
    struct oh_diag *diag;
    char path[DEMO_PATH_SIZE];
};

static enum oh_err demo_error(struct oh_diag *diag, const char *verb, const char *path, int error_number)
{
    oh_diag_set(diag, "cannot %s %s: %s", verb, path, strerror(error_number));
    return error_number == ENOSPC ? OH_E_NO_SPACE : OH_E_IO;
}

static enum oh_err demo_file_open(struct demo_file *file, const char *dir, const char *name,
                                  struct oh_diag *diag)
{
    int size = snprintf(file->path, sizeof file->path, "%s/%s", dir, name);
    if (size < 0 || (size_t)size >= sizeof file->path) {
        oh_diag_set(diag, "the path of the folder is longer than %d bytes", DEMO_PATH_SIZE - 32);
        return OH_E_IO;
    }
    file->diag = diag;
    file->stream = fopen(file->path, "w");
    if (file->stream == NULL)
        return demo_error(diag, "create", file->path, errno);
    return OH_OK;
}

/* A failed fprintf leaves its mark in the stream, so it is enough to ask at the end. */
static enum oh_err demo_file_close(struct demo_file *file)
{
    int error_number = 0;
    if (ferror(file->stream) != 0)
        error_number = EIO;
    if (fflush(file->stream) != 0)
        error_number = errno;
    if (fclose(file->stream) != 0 && error_number == 0)
        error_number = errno;
    return error_number == 0 ? OH_OK : demo_error(file->diag, "write", file->path, error_number);
}

static const struct demo_category *item_category(uint32_t item)
{
    return &categories[item / DEMO_ITEMS_PER_CATEGORY];
}

static void item_sku(uint32_t item, char out_sku[DEMO_SKU_SIZE])
{
    unsigned number = 1000u + item % DEMO_ITEMS_PER_CATEGORY;
    (void)snprintf(out_sku, DEMO_SKU_SIZE, "%s-%04u", item_category(item)->code, number);
}

void oh_demo_gtin(uint32_t index, char out_gtin[OH_DEMO_GTIN_SIZE])
{
    OH_ASSERT(index < OH_DEMO_ITEM_COUNT);
    /* 7919 is prime and odd, so different items get different numbers below 10^10. */
    uint64_t number = 200000000000ull + (uint64_t)(index + 1) * 7919ull * 613ull;
    (void)snprintf(out_gtin, OH_DEMO_GTIN_SIZE, "%012" PRIu64, number);
    unsigned sum = 0;
    for (size_t i = 0; i < 12; i++)
        sum += (unsigned)(out_gtin[i] - '0') * (i % 2 == 0 ? 1u : 3u);
    out_gtin[12] = (char)('0' + (10u - sum % 10u) % 10u);
    out_gtin[13] = '\0';
}

/* Ship from store needs room and people, so only larger stores do it. */
static bool place_ships(size_t place)
{
    return oh_demo_places[place].size >= 3;
}

static bool place_is_north(size_t place)
{
    return strtod(oh_demo_places[place].latitude, NULL) >= OH_DEMO_NORTH_LATITUDE;
}

static enum oh_err write_nodes(const char *dir, struct oh_diag *diag)
{
    struct demo_file file;
    enum oh_err err = demo_file_open(&file, dir, "nodes.csv", diag);
    if (err != OH_OK)
        return err;
    fprintf(file.stream, "node,name,type,lat,lon,country,time_zone,ships,collects\n");
    for (size_t i = 0; i < OH_DEMO_PLACE_COUNT; i++) {
        const struct oh_demo_place *place = &oh_demo_places[i];
        bool is_warehouse = oh_demo_place_is_warehouse(i);
        fprintf(file.stream, "%s,%s,%s,%s,%s,FR,Europe/Paris,%d,%d\n", place->node, place->name,
                is_warehouse ? "warehouse" : "store", place->latitude, place->longitude,
                place_ships(i) ? 1 : 0, is_warehouse ? 0 : 1);
    }
    return demo_file_close(&file);
}

static enum oh_err write_items(const char *dir, struct oh_diag *diag)
{
    struct demo_file file;
    enum oh_err err = demo_file_open(&file, dir, "items.csv", diag);
    if (err != OH_OK)
        return err;
    fprintf(file.stream, "sku,name,gtin\n");
    for (uint32_t item = 0; item < OH_DEMO_ITEM_COUNT; item++) {
        const struct demo_category *category = item_category(item);
        uint32_t within = item % DEMO_ITEMS_PER_CATEGORY;
        char sku[DEMO_SKU_SIZE];
        char gtin[OH_DEMO_GTIN_SIZE];
        item_sku(item, sku);
        oh_demo_gtin(item, gtin);
        fprintf(file.stream, "%s,\"%s, %s\",%s\n", sku, category->products[within / DEMO_VARIANT_COUNT],
                category->variants[within % DEMO_VARIANT_COUNT], gtin);
    }
    return demo_file_close(&file);
}

static void write_group_row(FILE *stream, const char *group, size_t place, unsigned priority)
{
    fprintf(stream, "%s,%s,%u\n", group, oh_demo_places[place].node, priority);
}

/* Lower priority comes first: warehouses, then large stores before small ones. */
static enum oh_err write_groups(const char *dir, struct oh_diag *diag)
{
    struct demo_file file;
    enum oh_err err = demo_file_open(&file, dir, "groups.csv", diag);
    if (err != OH_OK)
        return err;
    fprintf(file.stream, "group,node,priority\n");
    for (size_t i = 0; i < OH_DEMO_PLACE_COUNT; i++) {
        bool is_warehouse = oh_demo_place_is_warehouse(i);
        unsigned priority = is_warehouse ? 1 : 10u - (unsigned)oh_demo_places[i].size;
        write_group_row(file.stream, "all", i, priority);
        write_group_row(file.stream, is_warehouse ? "warehouses" : "stores", i, priority);
        if (!is_warehouse)
            write_group_row(file.stream, place_is_north(i) ? "fr-north" : "fr-south", i, priority);
    }
    return demo_file_close(&file);
}

static void shuffle_ranks(struct oh_prng *prng, uint32_t ranks[OH_DEMO_ITEM_COUNT])
{
    for (uint32_t i = 0; i < OH_DEMO_ITEM_COUNT; i++)
        ranks[i] = i;
    for (uint32_t i = OH_DEMO_ITEM_COUNT - 1; i > 0; i--) {
        uint32_t j = (uint32_t)oh_prng_below(prng, (uint64_t)i + 1);
        uint32_t rank = ranks[i];
        ranks[i] = ranks[j];
        ranks[j] = rank;
    }
}

/* Every place lists the 300 best sellers; a larger store lists more of the rest; a warehouse lists all. */
static bool place_lists_item(struct oh_prng *prng, size_t place, uint32_t rank)
{
    uint64_t percent = 38u + 9u * (uint64_t)oh_demo_places[place].size;
    bool is_drawn = oh_prng_below(prng, 100) < percent;
    return is_drawn || rank < 300 || oh_demo_place_is_warehouse(place);
}

/*
 * Stock falls with the rank of the item as in Zipf's law (1 / rank, flattened
 * at the top) and grows with the place. A shelf is found empty one time in
 * four, a warehouse one time in 25.
 */
static int64_t draw_quantity_milli(struct oh_prng *prng, size_t place, uint32_t rank, bool is_measured)
{
    uint64_t mean = 2u + (uint64_t)oh_demo_places[place].size * 900u / (rank + 50u);
    uint64_t percent_empty = oh_demo_place_is_warehouse(place) ? 4 : 25;
    bool is_empty = oh_prng_below(prng, 100) < percent_empty;
    uint64_t units = oh_prng_below(prng, 2 * mean + 1);
    uint64_t fraction_milli = oh_prng_below(prng, 200) * 5;
    if (is_empty)
        return 0;
    return (int64_t)(units * 1000 + (is_measured ? fraction_milli : 0));
}

static void write_stock_row(FILE *stream, const char *sku, const char *node, int64_t quantity_milli)
{
    int64_t fraction = quantity_milli % 1000;
    fprintf(stream, "%s,%s,%" PRId64, sku, node, quantity_milli / 1000);
    if (fraction != 0)
        fprintf(stream, ".%03" PRId64, fraction);
    fprintf(stream, ",%s\n", OH_DEMO_AS_OF);
}

static enum oh_err write_stock(const char *dir, uint64_t seed, struct oh_diag *diag)
{
    struct demo_file file;
    enum oh_err err = demo_file_open(&file, dir, "stock.csv", diag);
    if (err != OH_OK)
        return err;
    struct oh_prng prng;
    uint32_t ranks[OH_DEMO_ITEM_COUNT];
    oh_prng_init(&prng, seed);
    shuffle_ranks(&prng, ranks);
    fprintf(file.stream, "sku,node,quantity,as_of\n");
    for (uint32_t item = 0; item < OH_DEMO_ITEM_COUNT; item++) {
        char sku[DEMO_SKU_SIZE];
        item_sku(item, sku);
        for (size_t place = 0; place < OH_DEMO_PLACE_COUNT; place++) {
            if (!place_lists_item(&prng, place, ranks[item]))
                continue;
            int64_t quantity_milli =
                draw_quantity_milli(&prng, place, ranks[item], item_category(item)->is_measured);
            write_stock_row(file.stream, sku, oh_demo_places[place].node, quantity_milli);
        }
    }
    return demo_file_close(&file);
}

static void write_setting(FILE *stream, const char *path, const char *body)
{
    fprintf(stream, "{\"path\":\"/v1/%s\",\"body\":%s}\n", path, body);
}

/* Stores keep one piece back for the shop window; warehouses keep nothing back and call 20 low. */
static void write_rules(FILE *stream)
{
    write_setting(stream, "rules/default", "{\"safety_stock\":1,\"low_stock\":3}");
    for (size_t i = 0; i < OH_DEMO_WAREHOUSE_COUNT; i++)
        fprintf(stream,
                "{\"path\":\"/v1/rules/%s\",\"body\":{\"node\":\"%s\",\"safety_stock\":0,\"low_stock\":20}}\n",
                oh_demo_places[i].node, oh_demo_places[i].node);
}

/* Two carriers, and when they come: from a warehouse twice a day, from a store once. */
static void write_services(FILE *stream)
{
    write_setting(stream, "calendars/sundays", "{\"weekly_off\":[\"sun\"]}");
    write_setting(stream, "services/standard",
                  "{\"time_zone\":\"Europe/Paris\",\"transit_calendar\":\"sundays\",\"delivery_calendar\":\"sundays\","
                  "\"transit\":[{\"distance_km_max\":300,\"days\":1},{\"days\":2}],"
                  "\"delivery_window\":{\"from\":\"09:00\",\"to\":\"18:00\"},\"limits\":{\"weight_grams_max\":30000},"
                  "\"cost\":[{\"weight_grams_max\":2000,\"amount\":4.95},{\"amount\":8.95}],\"currency\":\"EUR\"}");
    write_setting(stream, "services/evening",
                  "{\"time_zone\":\"Europe/Paris\",\"delivery_calendar\":\"sundays\","
                  "\"transit\":[{\"distance_km_max\":40,\"hours\":1}],"
                  "\"slots\":[{\"from\":\"18:00\",\"to\":\"20:00\",\"limit\":30},"
                  "{\"from\":\"20:00\",\"to\":\"22:00\",\"limit\":30}],"
                  "\"cost\":[{\"amount\":9.95}],\"currency\":\"EUR\"}");
}

static void write_schedule(FILE *stream, size_t place)
{
    const char *node = oh_demo_places[place].node;
    if (oh_demo_place_is_warehouse(place))
        fprintf(stream,
                "{\"path\":\"/v1/nodes/%s/schedule\",\"body\":{\"time_zone\":\"Europe/Paris\",\"calendar\":\"sundays\","
                "\"hours\":[{\"from\":\"06:00\",\"to\":\"22:00\"}],\"processing_minutes\":{\"default\":60},"
                "\"pickups\":[{\"service\":\"standard\",\"at\":\"13:00\"},"
                "{\"service\":\"standard\",\"at\":\"20:00\"}]}}\n",
                node);
    else
        fprintf(stream,
                "{\"path\":\"/v1/nodes/%s/schedule\",\"body\":{\"time_zone\":\"Europe/Paris\",\"calendar\":\"sundays\","
                "\"hours\":[{\"from\":\"09:00\",\"to\":\"19:00\"}],"
                "\"collect_hours\":[{\"from\":\"10:00\",\"to\":\"19:30\"}],"
                "\"processing_minutes\":{\"default\":120},"
                "\"capacity\":{\"unit\":\"orders\",\"windows\":[{\"from\":\"09:00\",\"to\":\"19:00\",\"limit\":%d}]},"
                "\"pickups\":[{\"service\":\"standard\",\"at\":\"16:30\"},"
                "{\"service\":\"evening\",\"at\":\"17:00\"}],"
                "\"priority\":10}}\n",
                node, 40 * oh_demo_places[place].size);
}

static enum oh_err write_setup(const char *dir, struct oh_diag *diag)
{
    struct demo_file file;
    enum oh_err err = demo_file_open(&file, dir, "setup.ndjson", diag);
    if (err != OH_OK)
        return err;
    FILE *stream = file.stream;
    write_setting(stream, "channels/web", "{\"name\":\"Web shop\",\"policy\":\"priority\",\"groups\":[\"all\"]}");
    write_setting(stream, "channels/app", "{\"name\":\"Mobile app\",\"policy\":\"nearest\",\"groups\":[\"all\"]}");
    write_setting(stream, "channels/store", "{\"name\":\"Stores\",\"policy\":\"nearest\",\"groups\":[\"stores\"]}");
    write_rules(stream);
    write_services(stream);
    for (size_t place = 0; place < OH_DEMO_PLACE_COUNT; place++)
        write_schedule(stream, place);
    write_setting(stream, "channels/web/sourcing",
                  "{\"objective\":[\"complete\",\"parcels\",\"date\",\"cost\",\"distance\",\"priority\"]}");
    return demo_file_close(&file);
}

enum oh_err oh_demo_write(const char *dir, uint64_t seed, struct oh_diag *diag)
{
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return demo_error(diag, "make the folder", dir, errno);
    enum oh_err err = write_nodes(dir, diag);
    if (err == OH_OK)
        err = write_items(dir, diag);
    if (err == OH_OK)
        err = write_groups(dir, diag);
    if (err == OH_OK)
        err = write_stock(dir, seed, diag);
    if (err == OH_OK)
        err = write_setup(dir, diag);
    return err;
}

static const char demo_help[] =
    "usage: onhand demo --out DIR [--seed N]\n"
    "\n"
    "Writes a demo network: 60 stores in French towns, 2 warehouses, 2,000 items and\n"
    "about 80,000 stock counts. The same seed gives the same bytes.\n"
    "\n"
    "  --out DIR   folder for nodes.csv, items.csv, groups.csv, stock.csv, setup.ndjson;\n"
    "              made when missing, files of these names are replaced\n"
    "  --seed N    which stock to draw (default 1)\n"
    "  --help      this text\n"
    "\n"
    "Load it with: onhand load --to URL --nodes DIR/nodes.csv --items DIR/items.csv\n"
    "  --groups DIR/groups.csv --stock DIR/stock.csv --setup DIR/setup.ndjson\n";

int oh_command_demo(int argc, char **argv)
{
    static const struct option options[] = {
        { "out", required_argument, NULL, 'o' },
        { "seed", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *dir = NULL;
    uint64_t seed = OH_DEMO_SEED_DEFAULT;
    int option;
    optind = 0; /* start over: the program's own options were read before */
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(demo_help, stdout);
            return OH_EXIT_OK;
        }
        if (option == 'o')
            dir = optarg;
        else if (option != 's')
            return oh_argument_error("demo", "the arguments are wrong");
        else if (!oh_argument_u64("seed", optarg, 0, UINT64_MAX, &seed))
            return OH_EXIT_ARGUMENTS;
    }
    if (optind < argc)
        return oh_argument_error("demo", "'%s' is not an option", argv[optind]);
    if (dir == NULL || dir[0] == '\0')
        return oh_argument_error("demo", "--out DIR is missing: it says where the files go");
    struct oh_diag diag;
    if (oh_demo_write(dir, seed, &diag) != OH_OK) {
        fprintf(stderr, "onhand demo: %s\n", diag.text);
        return OH_EXIT_FAILED;
    }
    printf("The demo network with seed %" PRIu64 " is in %s\n", seed, dir);
    return OH_EXIT_OK;
}
