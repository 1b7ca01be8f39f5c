/* SPDX-License-Identifier: MIT */
/* `continue` out of a __try body in every kind of loop: the __finally runs before the loop's condition is looked at. */
#include "program.h"

long continue_through_finally(void)
{
    int volatile sum = 0;
    for (int round = 0; round < 3; note("for: next round"), ++round) {
        __try {
            if (round == 1)
                continue;
            sum += 1;
        } __finally {
            note("for: finally %d, abnormal %d", round, AbnormalTermination());
        }
        sum += 10;
    }
    int left = 3;
    while (note("while: %d left", left), left) {
        __try {
            if (left == 2)
                continue;
            sum += 100;
        } __finally {
            --left;
        }
    }
    do {
        __try {
            if (++left == 1)
                continue;
            sum += 1000;
        } __finally {
            note("do: finally, abnormal %d", AbnormalTermination());
        }
    } while (left < 2);
    return sum == 1222;
}

/* expect
for: finally 0, abnormal 0
for: next round
for: finally 1, abnormal 1
for: next round
for: finally 2, abnormal 0
for: next round
while: 3 left
while: 2 left
while: 1 left
while: 0 left
do: finally, abnormal 1
do: finally, abnormal 0
returned 1
*/
