// SPDX-License-Identifier: MIT
// A caller that throws away what it copied: the call must be there all the same.

void CopyFromUser(void *Destination, volatile const void *Source, unsigned long long Length);

int CopyAndForget(volatile const void *source) {
    char local[200];
    CopyFromUser(local, source, sizeof local);
    return 1;
}
