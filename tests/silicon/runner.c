/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs code with all registers given, on the processor itself, until it traps; and says how.

   Reads commands from standard input and writes a `stop` for each RUN to standard output. Signals do both halves of the
   work: a handler's return loads every register from the signal context, and the trap's own handler finds them all
   there. The pages that a KEEP names are as they were at the KEEP whenever a run begins. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096u
#define MOST_KEPT 8
#define SECONDS 30 /* for a whole batch */

enum { MAP, KEEP, POKE, RUN };

struct command {
    uint64_t kind;
    uint64_t address; /* MAP, KEEP: of a page */
    uint64_t value;   /* MAP: the protection; POKE: the byte to write before the next run */
};

struct registers {
    uint64_t gpr[16]; /* in hardware order */
    uint64_t rip, rflags;
    uint8_t xmm[16][16];
};

struct stop {
    uint64_t vector, error_code, cr2;
    struct registers registers;
    uint64_t changed; /* a bit for each kept page; those whose bit is set follow */
};

static int const gpr_in_context[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static struct registers wanted;
static struct stop stop;
static gregset_t own;
static volatile sig_atomic_t running;

static struct {
    uint8_t *page;
    uint8_t content[PAGE];
} kept[MOST_KEPT];
static unsigned kept_count;

static void fail(char const *what)
{
    perror(what);
    _exit(2);
}

/* Behind the legacy area comes that of xsave, if the magic number (asm/sigcontext.h) says so, and its first quadword has
   a bit for each component that is not as after a reset: without that of SSE, the kernel would load zeroes. */
static void load_xmm(fpregset_t area)
{
    uint8_t *bytes = (uint8_t *)area;
    uint32_t magic;
    memcpy(area->_xmm, wanted.xmm, sizeof wanted.xmm);
    memcpy(&magic, bytes + 464, sizeof magic);
    if (magic == 0x46505853)
        bytes[512] |= 2;
}

static void enter(int number, siginfo_t *information, void *context)
{
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
    (void)number, (void)information;
    memcpy(own, machine->gregs, sizeof own);
    for (int i = 0; i < 16; i++)
        machine->gregs[gpr_in_context[i]] = (greg_t)wanted.gpr[i];
    machine->gregs[REG_RIP] = (greg_t)wanted.rip;
    machine->gregs[REG_EFL] = (greg_t)wanted.rflags;
    load_xmm(machine->fpregs);
    running = 1;
}

static void leave(int number, siginfo_t *information, void *context)
{
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
    (void)information;
    if (!running) {
        signal(number, SIG_DFL);
        return;
    }
    running = 0;
    stop.vector = (uint64_t)machine->gregs[REG_TRAPNO];
    stop.error_code = (uint64_t)machine->gregs[REG_ERR];
    stop.cr2 = (uint64_t)machine->gregs[REG_CR2];
    for (int i = 0; i < 16; i++)
        stop.registers.gpr[i] = (uint64_t)machine->gregs[gpr_in_context[i]];
    stop.registers.rip = (uint64_t)machine->gregs[REG_RIP];
    stop.registers.rflags = (uint64_t)machine->gregs[REG_EFL];
    memcpy(stop.registers.xmm, machine->fpregs->_xmm, sizeof stop.registers.xmm);
    memcpy(machine->gregs, own, sizeof own);
}

static void install_handlers(void)
{
    static int const traps[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    stack_t stack = {.ss_size = 1 << 17};
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    stack.ss_sp = malloc(stack.ss_size);
    if (!stack.ss_sp || sigaltstack(&stack, NULL))
        fail("sigaltstack");
    action.sa_sigaction = leave;
    for (unsigned i = 0; i < sizeof traps / sizeof *traps; i++)
        if (sigaction(traps[i], &action, NULL))
            fail("sigaction");
    action.sa_sigaction = enter;
    if (sigaction(SIGUSR1, &action, NULL))
        fail("sigaction");
}

static int read_all(void *to, size_t size) { return fread(to, 1, size, stdin) == size; }

static void write_all(void const *from, size_t size)
{
    if (fwrite(from, 1, size, stdout) != size)
        fail("standard output");
}

static void map(struct command const *command)
{
    void *wanted_at = (void *)command->address;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    uint8_t *page = mmap(wanted_at, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (page != wanted_at)
        fail("mmap");
    if (!read_all(page, PAGE))
        fail("standard input");
    if (mprotect(page, PAGE, (int)command->value))
        fail("mprotect");
}

static void keep(struct command const *command)
{
    if (kept_count == MOST_KEPT) {
        fputs("too many kept pages\n", stderr);
        _exit(2);
    }
    kept[kept_count].page = (uint8_t *)command->address;
    memcpy(kept[kept_count].content, kept[kept_count].page, PAGE);
    kept_count++;
}

static void run(void)
{
    if (!read_all(&wanted, sizeof wanted))
        fail("standard input");
    raise(SIGUSR1);
    stop.changed = 0;
    for (unsigned i = 0; i < kept_count; i++)
        if (memcmp(kept[i].page, kept[i].content, PAGE))
            stop.changed |= 1u << i;
    write_all(&stop, sizeof stop);
    for (unsigned i = 0; i < kept_count; i++)
        if (stop.changed & 1u << i) {
            write_all(kept[i].page, PAGE);
            memcpy(kept[i].page, kept[i].content, PAGE);
        }
}

int main(void)
{
    struct command command;
    install_handlers();
    alarm(SECONDS);
    while (read_all(&command, sizeof command)) {
        if (command.kind == MAP)
            map(&command);
        else if (command.kind == KEEP)
            keep(&command);
        else if (command.kind == POKE)
            *(volatile uint8_t *)command.address = (uint8_t)command.value;
        else
            run();
    }
    return fflush(stdout) ? 2 : 0;
}
