# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong in real drivers: 16 classes of bugs, each as a driver that has it and as one that has not.

Each file of drivers/ is one class. It says what the class is, and has one pair of routines for each shape of it:

    // Class 1: Double fetch
    // One sentence or two, up to the first line that is no comment.
    // shape: What is special about the pair that follows; where a class has several.
    // bug: ReadsTwice user:64 kernel:8 4        the call, as `emu run` reads its arguments; then settings:
    //                                           irql=2 profile=nehalem fault=none@arg0+4,access=1
    //                                           arg0+8=40 (a ULONG in that buffer) arg0+8=arg1 (its address)
    //                                           besides=irql (findings that only follow from the others)
    // fix: ReadsOnce                            the same call, if it says nothing else
    // good: user:64 kernel:8 2                  a call that succeeds, where the correction refuses the other one
    // limit: What no check can see of it, in one honest sentence.

A line that ends in `// finds: double-fetch, irql` has to be where these checks find something, and nothing else may be
found: nothing at all behind `// fix:`. Behind `// bug:` there may be no such line only if a limit says why.
What is found stands in findings.txt, of which docs/bug_classes.py makes a page of the manual. Write it anew by
`python -m tests.conformance.bug_classes`, and read the difference.
"""
