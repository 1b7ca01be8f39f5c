// SPDX-License-Identifier: MIT
// A compiled function: an Adler-32 sum over a copy of the bytes.
__declspec(dllexport) unsigned checksum(unsigned char *destination, const unsigned char *source, unsigned long long length)
{
    unsigned a = 1, b = 0;
    for (unsigned long long i = 0; i < length; i++) {
        destination[i] = source[i];
        a = (a + source[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}
