/* Runs programs of a foreign system tree natively where a twin of them is at hand, and emulated where not.
 *
 * The kernel calls it (binfmt_misc, flags P and F) for every arm64 program, also inside the tree's own root, with
 * argv = itself, the program, its argv[0], its arguments. TWIN holds the same Debian release for this machine, bound
 * to where the tree is being built; a shell, sed or tar does the same on every machine, and ten times faster. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TWIN "/twin"

/* They know which machine they were built for, or read programs of their own kind. */
static const char *const own_kind[] = {
    "/usr/bin/apt-get", "/usr/bin/arch", "/usr/bin/dpkg", "/usr/bin/ldd", "/usr/bin/localedef", "/usr/bin/uname",
    "/usr/lib/systemd/systemd-detect-virt", "/usr/sbin/ldconfig", "/usr/sbin/ldconfig.real", NULL,
};

static int may_be_native(const char *path) {
  if (strncmp(path, "/usr/", 5) != 0 || strncmp(path, "/usr/bin/python", 15) == 0) return 0;
  for (const char *const *name = own_kind; *name; name++)
    if (strcmp(path, *name) == 0) return 0;
  return 1;
}

int main(int argc, char **argv) {
  char real[PATH_MAX], twin[PATH_MAX + sizeof TWIN];
  if (argc < 3) return 127;
  char **words = calloc((size_t)argc + 6, sizeof *words);
  if (!words) return 126;
  if (realpath(argv[1], real) && may_be_native(real)) {
    snprintf(twin, sizeof twin, TWIN "%s", real);
    if (access(twin, X_OK) == 0) {
      char *head[] = {LOADER, "--library-path", LIBRARIES, "--argv0", argv[2], twin};
      memcpy(words, head, sizeof head);
      memcpy(words + 6, argv + 3, sizeof *argv * (size_t)(argc - 3));
      execv(LOADER, words);
    }
  }
  memset(words, 0, sizeof *words * ((size_t)argc + 6));
  words[0] = "qemu-aarch64";
  words[1] = "-0";
  words[2] = argv[2];
  words[3] = argv[1];
  memcpy(words + 4, argv + 3, sizeof *argv * (size_t)(argc - 3));
  execv(TWIN "/qemu", words);
  execv(QEMU, words); /* outside the tree */
  perror("twin");
  return 126;
}
