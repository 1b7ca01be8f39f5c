# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest programs with what a check must find in them written where it is wrong.

Each directory beside this one belongs to a check. Its `programs*.c` and `programs*.S` are built into one image. A
program begins with a comment on its call, and goes on to the next one:

    // call: reads_it_twice user:64 kernel:64 8            as `emu run` reads arguments
    // call: reads_at_dispatch user:64 irql=2 profile=nehalem prepare=page_out
    // call: CopyToUserFromUser user:64 user:64 64 finds=1      a finding at no line of the program

A line that ends in `// finds: overlap` has to be where a finding of that check is; `// finds: overlap ×2`: two are.
Everything else must be clean: a program without such a line is a near-miss. What is said of it all stands in
messages.txt, reviewed line by line. After a change of the words, `python -m tests.checks.harness DIRECTORY` writes it
anew; read the difference.
"""
