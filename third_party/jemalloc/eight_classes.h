/* Eight size classes per doubling in jemalloc instead of four: 168 bytes take a block of 176, not
 * of 192. Put before every file of jemalloc by CPPFLAGS in .cargo/config.toml, which finds this
 * directory by CPATH; src/sys/malloc.rs has the same formula, and a test compares the two.
 *
 * jemalloc has one macro from which all its tables follow, but no option of configure for it. sc.h
 * is guarded against a second inclusion, so what is changed here stays changed. All of its macros
 * are expanded where they are used, except the length of one array, `sc`: it is read here with
 * pointers of twice the width, which gives it room for the classes of twice as many doublings.
 * The probes of configure do not find jemalloc's headers and are left alone.
 */
#if defined(__has_include)
#  if __has_include("jemalloc/internal/sc.h") && __has_include("jemalloc/internal/jemalloc_preamble.h")
#    include "jemalloc/internal/jemalloc_preamble.h"
#    include "jemalloc/internal/jemalloc_internal_types.h"
#    pragma push_macro("LG_SIZEOF_PTR")
#    undef LG_SIZEOF_PTR
#    define LG_SIZEOF_PTR 4
#    include "jemalloc/internal/sc.h"
#    pragma pop_macro("LG_SIZEOF_PTR")
#    undef SC_LG_NGROUP
#    define SC_LG_NGROUP 3
_Static_assert(sizeof(((sc_data_t *)0)->sc) >= SC_NSIZES * sizeof(sc_t), "room for all classes");
#  endif
#endif
