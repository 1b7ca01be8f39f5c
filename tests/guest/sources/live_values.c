// SPDX-License-Identifier: MIT
// A caller as a compiler makes it: values live in every non-volatile register while a callee copies in its __try.

typedef void copy_routine(void *target, const volatile void *source, unsigned long long length);

unsigned long _exception_code(void);

static __declspec(noinline) unsigned long guarded_copy(copy_routine *copy, void *target, const volatile void *source,
                                                       unsigned long long length) {
    unsigned long status = 0;
    __try {
        copy(target, source, length);
    } __except (1) {
        status = _exception_code();
    }
    return status;
}

// Reads eight integers and ten doubles, copies three times, and writes what the values have become.
unsigned long CopyWithLiveValues(copy_routine *copy, void *target, const volatile void *source,
                                 unsigned long long length, unsigned long long *integers, double *doubles) {
    unsigned long long a = integers[0], b = integers[1], c = integers[2], d = integers[3];
    unsigned long long e = integers[4], f = integers[5], g = integers[6], h = integers[7];
    double p = doubles[0], q = doubles[1], r = doubles[2], s = doubles[3], t = doubles[4];
    double u = doubles[5], v = doubles[6], w = doubles[7], x = doubles[8], y = doubles[9];
    unsigned long status = 0;
    for (int round = 0; round < 3; round++) {
        status = guarded_copy(copy, target, source, length);
        a += b, b += c, c += d, d += e, e += f, f += g, g += h, h += a;
        p += q, q += r, r += s, s += t, t += u, u += v, v += w, w += x, x += y, y += p;
    }
    integers[0] = a, integers[1] = b, integers[2] = c, integers[3] = d;
    integers[4] = e, integers[5] = f, integers[6] = g, integers[7] = h;
    doubles[0] = p, doubles[1] = q, doubles[2] = r, doubles[3] = s, doubles[4] = t;
    doubles[5] = u, doubles[6] = v, doubles[7] = w, doubles[8] = x, doubles[9] = y;
    return status;
}
