/* Preloaded: the wall clock of a program is off by the seconds that the file $CLOCK_OFF holds; the monotonic one is not. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile long *off;
static int (*kernels)(clockid_t, struct timespec *);

static void __attribute__((constructor)) start(void)
{
	const char *path = getenv("CLOCK_OFF");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, fd, 0);

	kernels = dlsym(RTLD_NEXT, "clock_gettime");
	if (page != MAP_FAILED)
		off = page;
}

int clock_gettime(clockid_t which, struct timespec *at)
{
	int failed;

	if (!kernels)
		start();
	failed = kernels(which, at);
	if (!failed && off && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
		at->tv_sec += *off;
	return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	at->tv_sec = now.tv_sec;
	at->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *at)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (at)
		*at = now.tv_sec;
	return now.tv_sec;
}
