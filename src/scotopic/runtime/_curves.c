/* Iterated curves over a strip of a picture: upsample the maps, iterate x <- x + a x (1 - x), quantise. One pass.
 *
 * A map row is first stretched to the width of the picture (once per map row, not once per picture row); every picture
 * row is then a flat loop over interleaved samples that blends two stretched rows. The columns are walked in blocks, so
 * that the stretched rows of a block stay in the first-level cache.
 *
 * The loops are plain C that compilers vectorise. They are compiled once per instruction set, in functions that differ
 * only in their target attribute, and `apply` is told which to use: no compiler flag and no ifunc is needed, and on
 * other compilers and processors the baseline is all there is.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if (defined(__GNUC__) || defined(__clang__)) && (defined(__x86_64__) || defined(__i386__))
#define X86_VARIANTS 1
#define AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__) /* knows no such word here, and would then ignore the whole attribute */
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#else
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")))
#endif
#endif

#if defined(__GNUC__) || defined(__clang__)
#define INLINE static inline __attribute__((always_inline))
#define RESTRICT __restrict__
#elif defined(_MSC_VER)
#define INLINE static __forceinline
#define RESTRICT __restrict
#else
#define INLINE static inline
#define RESTRICT
#endif

enum { CACHE_FLOATS = 6144, LANES = 64, USUAL_ITERATIONS = 8 };

typedef struct {
    const void *low;
    void *out;
    const float *maps;      /* (sets * bands, map_h, map_w) */
    Py_ssize_t width, bands;
    Py_ssize_t map_h, map_w, sets; /* sets of `bands` maps: 1, one for every iteration, or amounts and how they rise */
    Py_ssize_t iterations;
    Py_ssize_t row0, row1;  /* rows of the strip to do */
    Py_ssize_t top, height; /* row `r` of the strip is row `top + r` of a picture `height` rows high */
    const int32_t *left, *right; /* per column: the two map cells it lies between … */
    const float *weight;         /* … and how far towards the second, [0, 1] */
    float *stretched;            /* room for two stretched rows of a block: 2 * sets * block * bands */
    Py_ssize_t block;            /* columns in a block */
} Work;

/* Cell centres lie at (i + 0.5) / cells of the length; beyond the outer centres the edge cell holds. */
static void place(Py_ssize_t position, Py_ssize_t length, Py_ssize_t cells, Py_ssize_t *first, Py_ssize_t *second,
                  float *weight)
{
    double at = ((double)position + 0.5) * (double)cells / (double)length - 0.5;
    double last = (double)(cells - 1);
    at = at < 0.0 ? 0.0 : at > last ? last : at;
    *first = (Py_ssize_t)at;
    *second = *first + 1 < cells ? *first + 1 : *first;
    *weight = (float)(at - (double)*first);
}

INLINE void stretch(const Work *work, Py_ssize_t map_row, Py_ssize_t x0, Py_ssize_t columns, float *RESTRICT to)
{
    const Py_ssize_t plane = work->map_h * work->map_w, set_size = work->block * work->bands;
    const int32_t *RESTRICT left = work->left + x0, *RESTRICT right = work->right + x0;
    const float *RESTRICT weight = work->weight + x0;
    for (Py_ssize_t set = 0; set < work->sets; set++) {
        float *RESTRICT row = to + set * set_size;
        const float *RESTRICT m0 = work->maps + (set * work->bands * work->map_h + map_row) * work->map_w;
        if (work->bands == 3) {
            const float *RESTRICT m1 = m0 + plane, *RESTRICT m2 = m1 + plane;
            for (Py_ssize_t x = 0; x < columns; x++) {
                const int32_t l = left[x], r = right[x];
                const float t = weight[x];
                row[3 * x] = m0[l] + t * (m0[r] - m0[l]);
                row[3 * x + 1] = m1[l] + t * (m1[r] - m1[l]);
                row[3 * x + 2] = m2[l] + t * (m2[r] - m2[l]);
            }
        } else {
            for (Py_ssize_t x = 0; x < columns; x++)
                row[x] = m0[left[x]] + weight[x] * (m0[right[x]] - m0[left[x]]);
        }
    }
}

/* One row of a block: `above` and `below` are stretched map rows, `t` the weight of the second. `OF_…` turns a sample into
 * a float in [0, 1], `TO_…` back: adding 0.5 and truncating rounds half up, and integers are clamped as integers because
 * GCC does not vectorise a float comparison that may trap. */
INLINE int32_t clamp(int32_t value, int32_t most) { return value < 0 ? 0 : value > most ? most : value; }
INLINE float clamp_unit(float x)
{
    x = x < 0.0f ? 0.0f : x;
    return x > 1.0f ? 1.0f : x;
}
#define OF_U8(v) ((float)(int32_t)(v) * (1.0f / 255.0f))
#define TO_U8(x) ((uint8_t)clamp((int32_t)((x) * 255.0f + 0.5f), 255))
#define OF_U16(v) ((float)(int32_t)(v) * (1.0f / 65535.0f))
#define TO_U16(x) ((uint16_t)clamp((int32_t)((x) * 65535.0f + 0.5f), 65535))
#define OF_F32(v) (v)
#define TO_F32(x) clamp_unit(x)

/* With two sets for more iterations than two, the second says how the amounts of the first rise: by -1 times itself in the
 * first iteration, by 1 times itself in the last, evenly between. */
#define RISE(step, iterations) (-1.0f + 2.0f * (float)(step) / (float)((iterations) - 1))
INLINE int rises(Py_ssize_t sets, Py_ssize_t iterations) { return sets == 2 && iterations > 2; }

#define DEFINE_ROW(NAME, TYPE, OF, TO)                                                                                 \
    INLINE void NAME(const TYPE *RESTRICT low, TYPE *RESTRICT out, const float *RESTRICT above,                        \
                     const float *RESTRICT below, float t, Py_ssize_t samples, Py_ssize_t set_size, Py_ssize_t sets,   \
                     Py_ssize_t iterations)                                                                            \
    {                                                                                                                  \
        if (iterations == USUAL_ITERATIONS && sets == 1) {                                                             \
            for (Py_ssize_t i = 0; i < samples; i++) {                                                                 \
                const float a = above[i] + t * (below[i] - above[i]);                                                  \
                float x = OF(low[i]);                                                                                  \
                for (int step = 0; step < USUAL_ITERATIONS; step++)                                                    \
                    x += a * (x - x * x);                                                                              \
                out[i] = TO(x);                                                                                        \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        if (iterations == USUAL_ITERATIONS && sets == 2) {                                                             \
            for (Py_ssize_t i = 0; i < samples; i++) {                                                                 \
                const float a = above[i] + t * (below[i] - above[i]);                                                  \
                const float rise = above[set_size + i] + t * (below[set_size + i] - above[set_size + i]);              \
                float x = OF(low[i]);                                                                                  \
                for (int step = 0; step < USUAL_ITERATIONS; step++)                                                    \
                    x += (a + RISE(step, USUAL_ITERATIONS) * rise) * (x - x * x);                                      \
                out[i] = TO(x);                                                                                        \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        if (iterations == USUAL_ITERATIONS && sets == USUAL_ITERATIONS) {                                              \
            for (Py_ssize_t i = 0; i < samples; i++) {                                                                 \
                float x = OF(low[i]);                                                                                  \
                for (int step = 0; step < USUAL_ITERATIONS; step++) {                                                  \
                    const float a0 = above[step * set_size + i], a1 = below[step * set_size + i];                      \
                    x += (a0 + t * (a1 - a0)) * (x - x * x);                                                           \
                }                                                                                                      \
                out[i] = TO(x);                                                                                        \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (Py_ssize_t start = 0; start < samples; start += LANES) {                                                  \
            const Py_ssize_t lanes = samples - start < LANES ? samples - start : LANES;                                \
            float x[LANES];                                                                                            \
            for (Py_ssize_t i = 0; i < lanes; i++)                                                                     \
                x[i] = OF(low[start + i]);                                                                             \
            for (Py_ssize_t step = 0; step < iterations; step++) {                                                     \
                const Py_ssize_t set = sets > 1 && !rises(sets, iterations) ? step * set_size : 0;                     \
                const float *RESTRICT a0 = above + set + start, *RESTRICT a1 = below + set + start;                    \
                if (rises(sets, iterations)) {                                                                         \
                    const float *RESTRICT r0 = a0 + set_size, *RESTRICT r1 = a1 + set_size;                            \
                    const float share = RISE(step, iterations);                                                        \
                    for (Py_ssize_t i = 0; i < lanes; i++)                                                             \
                        x[i] += (a0[i] + t * (a1[i] - a0[i]) + share * (r0[i] + t * (r1[i] - r0[i]))) *                \
                                (x[i] - x[i] * x[i]);                                                                  \
                } else                                                                                                 \
                    for (Py_ssize_t i = 0; i < lanes; i++)                                                             \
                        x[i] += (a0[i] + t * (a1[i] - a0[i])) * (x[i] - x[i] * x[i]);                                  \
            }                                                                                                          \
            for (Py_ssize_t i = 0; i < lanes; i++)                                                                     \
                out[start + i] = TO(x[i]);                                                                             \
        }                                                                                                              \
    }

DEFINE_ROW(row_u8, uint8_t, OF_U8, TO_U8)
DEFINE_ROW(row_u16, uint16_t, OF_U16, TO_U16)
DEFINE_ROW(row_f32, float, OF_F32, TO_F32)

#define DEFINE_STRIP(NAME, TYPE, ROW, ATTRIBUTES)                                                                      \
    ATTRIBUTES static void NAME(const Work *work)                                                                      \
    {                                                                                                                  \
        const Py_ssize_t set_size = work->block * work->bands;                                                         \
        for (Py_ssize_t x0 = 0; x0 < work->width; x0 += work->block) {                                                 \
            const Py_ssize_t columns = work->width - x0 < work->block ? work->width - x0 : work->block;                \
            float *above = work->stretched, *below = above + work->sets * set_size;                                    \
            Py_ssize_t above_is = -1, below_is = -1;                                                                   \
            for (Py_ssize_t r = work->row0; r < work->row1; r++) {                                                     \
                Py_ssize_t first, second;                                                                              \
                float t;                                                                                               \
                place(work->top + r, work->height, work->map_h, &first, &second, &t);                                  \
                if (first != above_is) {                                                                               \
                    float *spare = above;                                                                              \
                    above = below;                                                                                     \
                    above_is = below_is;                                                                               \
                    below = spare;                                                                                     \
                    below_is = -1;                                                                                     \
                    if (first != above_is) {                                                                           \
                        stretch(work, first, x0, columns, above);                                                      \
                        above_is = first;                                                                              \
                    }                                                                                                  \
                }                                                                                                      \
                if (second != below_is) {                                                                              \
                    stretch(work, second, x0, columns, below);                                                         \
                    below_is = second;                                                                                 \
                }                                                                                                      \
                const Py_ssize_t at = (r * work->width + x0) * work->bands;                                            \
                ROW((const TYPE *)work->low + at, (TYPE *)work->out + at, above, below, t, columns * work->bands,      \
                    set_size, work->sets, work->iterations);                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }

#define DEFINE_VARIANT(SUFFIX, ATTRIBUTES)                                                                             \
    DEFINE_STRIP(strip_u8_##SUFFIX, uint8_t, row_u8, ATTRIBUTES)                                                       \
    DEFINE_STRIP(strip_u16_##SUFFIX, uint16_t, row_u16, ATTRIBUTES)                                                    \
    DEFINE_STRIP(strip_f32_##SUFFIX, float, row_f32, ATTRIBUTES)

typedef void (*Strip)(const Work *);

DEFINE_VARIANT(baseline, )
#ifdef X86_VARIANTS
DEFINE_VARIANT(avx2, AVX2)
DEFINE_VARIANT(avx512, AVX512)
#endif

/* Fastest first: what `supported` finds first is the default. */
static const struct {
    const char *name;
    Strip strips[3]; /* uint8, uint16, float32 */
} VARIANTS[] = {
#ifdef X86_VARIANTS
    {"avx512", {strip_u8_avx512, strip_u16_avx512, strip_f32_avx512}},
    {"avx2", {strip_u8_avx2, strip_u16_avx2, strip_f32_avx2}},
#endif
    {"baseline", {strip_u8_baseline, strip_u16_baseline, strip_f32_baseline}},
};
enum { VARIANT_COUNT = sizeof VARIANTS / sizeof VARIANTS[0] };

static int supported(int variant)
{
#ifdef X86_VARIANTS
    if (variant == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
    if (variant == 1)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return variant < VARIANT_COUNT;
}

static PyObject *variants(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    PyObject *names = PyList_New(0);
    for (int i = 0; names && i < VARIANT_COUNT; i++) {
        if (!supported(i))
            continue;
        PyObject *name = PyUnicode_FromString(VARIANTS[i].name);
        if (!name || PyList_Append(names, name) < 0)
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

/* Runs `work` with the columns' places and the scratch it needs. Returns 0, or -1 when there is no memory. */
static int run(Work *work, Strip strip)
{
    const Py_ssize_t floats_per_column = 2 * work->sets * work->bands;
    work->block = CACHE_FLOATS / floats_per_column;
    work->block = work->block < 64 ? 64 : work->block;
    work->block = work->block > work->width ? work->width : work->block;
    const size_t columns = (size_t)work->width;
    int32_t *cells = malloc(2 * columns * sizeof *cells);
    float *weight = malloc(columns * sizeof *weight);
    work->stretched = malloc((size_t)(work->block * floats_per_column) * sizeof *work->stretched);
    const int ready = cells && weight && work->stretched;
    if (ready) {
        for (Py_ssize_t x = 0; x < work->width; x++) {
            Py_ssize_t first, second;
            place(x, work->width, work->map_w, &first, &second, &weight[x]);
            cells[x] = (int32_t)first;
            cells[columns + x] = (int32_t)second;
        }
        work->left = cells;
        work->right = cells + columns;
        work->weight = weight;
        strip(work);
    }
    free(cells);
    free(weight);
    free(work->stretched);
    return ready ? 0 : -1;
}

static PyObject *apply(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *low_object, *out_object, *maps_object;
    Work work = {0};
    Py_ssize_t rows, map_count;
    const char *variant;
    if (!PyArg_ParseTuple(args, "OOO(nnn)(nnn)nnn(nn)s", &low_object, &out_object, &maps_object, &rows, &work.width,
                          &work.bands, &map_count, &work.map_h, &work.map_w, &work.iterations, &work.top, &work.height,
                          &work.row0, &work.row1, &variant))
        return NULL;
    int chosen = -1;
    for (int i = 0; i < VARIANT_COUNT; i++)
        if (supported(i) && strcmp(VARIANTS[i].name, variant) == 0)
            chosen = i;
    if (chosen < 0)
        return PyErr_Format(PyExc_ValueError, "no variant '%s' on this processor", variant);

    Py_buffer low, out, maps;
    if (PyObject_GetBuffer(low_object, &low, PyBUF_C_CONTIGUOUS) < 0)
        return NULL;
    if (PyObject_GetBuffer(out_object, &out, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&low);
        return NULL;
    }
    if (PyObject_GetBuffer(maps_object, &maps, PyBUF_C_CONTIGUOUS) < 0) {
        PyBuffer_Release(&low);
        PyBuffer_Release(&out);
        return NULL;
    }
    work.sets = work.bands > 0 ? map_count / work.bands : 0;
    const int kind = low.itemsize == 1 ? 0 : low.itemsize == 2 ? 1 : low.itemsize == 4 ? 2 : -1;
    /* The caller has checked all this with better words; here it keeps memory safe. */
    const int fits = kind >= 0 && rows > 0 && work.width > 0 && work.map_h > 0 && work.map_w > 0 && work.iterations >= 0 &&
                     (work.bands == 1 || work.bands == 3) && work.sets * work.bands == map_count &&
                     (work.sets == 1 || rises(work.sets, work.iterations) ||
                      (work.sets > 1 && work.sets == work.iterations)) &&
                     work.map_w < INT32_MAX &&
                     work.top >= 0 && work.height >= work.top + rows && 0 <= work.row0 && work.row0 <= work.row1 &&
                     work.row1 <= rows && low.len == rows * work.width * work.bands * low.itemsize &&
                     out.len == low.len && out.itemsize == low.itemsize && maps.itemsize == (Py_ssize_t)sizeof(float) &&
                     maps.len == map_count * work.map_h * work.map_w * maps.itemsize;
    int failed = 0;
    if (fits) {
        work.low = low.buf;
        work.out = out.buf;
        work.maps = maps.buf;
        Py_BEGIN_ALLOW_THREADS
        failed = run(&work, VARIANTS[chosen].strips[kind]);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&low);
    PyBuffer_Release(&out);
    PyBuffer_Release(&maps);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "strip, output and maps do not fit each other");
        return NULL;
    }
    if (failed)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"apply", apply, METH_VARARGS,
     "apply(low, out, maps, (rows, width, bands), (maps, map_h, map_w), iterations, top, height, (row0, row1), variant)"},
    {"variants", variants, METH_NOARGS, "Names of the variants this processor can run, fastest first."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_curves", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__curves(void) { return PyModule_Create(&module); }
