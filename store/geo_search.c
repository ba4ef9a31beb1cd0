/* SPDX-License-Identifier: MIT */
#include "store/geo_search.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool ends(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

static int is_geo_file(const struct dirent *e)
{
	const char *name = e->d_name;

	return ends(name, ".mmdb") || ends(name, ".csv") || ends(name, ".tsv") ||
	       strcmp(name, "geoip") == 0 || strcmp(name, "geoip6") == 0;
}

static bool is_geolite(const char *name)
{
	return strncmp(name, "GeoLite2-", 9) == 0;
}

static void add(struct geo_search *s, const char *dir, const char *name)
{
	char path[GEO_SEARCH_PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if (s->count < GEO_SEARCH_FILES_MAX && n < GEO_SEARCH_PATH_MAX)
		memcpy(s->path[s->count++], path, (size_t)n + 1);
}

static void list_dir(struct geo_search *s, const char *dir, int (*wanted)(const struct dirent *))
{
	struct dirent **names;
	int n = scandir(dir, &names, wanted, alphasort);

	for (int i = 0; i < n; i++) {
		add(s, dir, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static int is_geolite_file(const struct dirent *e)
{
	return is_geolite(e->d_name) && ends(e->d_name, ".mmdb");
}

static int is_geolite_dir(const struct dirent *e)
{
	return is_geolite(e->d_name) && strchr(e->d_name, '_');
}

/* The layout that MaxMind's archives unpack to: GeoLite2-City_20250523/GeoLite2-City.mmdb. */
static void list_here(struct geo_search *s)
{
	struct dirent **names;
	int n = scandir(".", &names, is_geolite_dir, alphasort);

	list_dir(s, ".", is_geolite_file);
	for (int i = 0; i < n; i++) {
		list_dir(s, names[i]->d_name, is_geolite_file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

bool geo_search_data_dir(char out[static GEO_SEARCH_PATH_MAX])
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int n;

	if (data && data[0] == '/')
		n = snprintf(out, GEO_SEARCH_PATH_MAX, "%s/dht-telescope/geo", data);
	else if (home && home[0])
		n = snprintf(out, GEO_SEARCH_PATH_MAX, "%s/.local/share/dht-telescope/geo", home);
	else
		return false;
	return n < GEO_SEARCH_PATH_MAX;
}

void geo_search_list(enum geo_search_place place, const char *own_dir, struct geo_search *out)
{
	char dir[GEO_SEARCH_PATH_MAX];

	out->count = 0;
	switch (place) {
	case GEO_SEARCH_OWN_DIR:
		if (own_dir)
			list_dir(out, own_dir, is_geo_file);
		break;
	case GEO_SEARCH_HERE:
		list_here(out);
		break;
	case GEO_SEARCH_USR:
		list_dir(out, "/usr/share/GeoIP", is_geo_file);
		break;
	case GEO_SEARCH_VAR:
		list_dir(out, "/var/lib/GeoIP", is_geo_file);
		break;
	case GEO_SEARCH_DATA:
		if (geo_search_data_dir(dir))
			list_dir(out, dir, is_geo_file);
		break;
	case GEO_SEARCH_TOR:
		list_dir(out, "/usr/share/tor", is_geo_file);
		break;
	case GEO_SEARCH_PLACES:
		break;
	}
}

bool geo_search_sibling(const char *path, char out[static GEO_SEARCH_PATH_MAX])
{
	const char *name = strrchr(path, '/'), *at;
	size_t n = strlen(path);

	name = name ? name + 1 : path;
	if (n + 2 > GEO_SEARCH_PATH_MAX)
		return false;
	if (strcmp(name, "geoip") == 0) {
		snprintf(out, GEO_SEARCH_PATH_MAX, "%s6", path);
		return access(out, R_OK) == 0;
	}
	at = strstr(name, "ipv4");
	if (!at)
		at = strstr(name, "ipv6");
	if (!at)
		return false;
	memcpy(out, path, n + 1);
	out[at - path + 3] = at[3] == '4' ? '6' : '4';
	return access(out, R_OK) == 0;
}
