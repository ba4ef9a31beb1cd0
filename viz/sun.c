/* SPDX-License-Identifier: MIT */
#include "viz/sun.h"

#include <math.h>

#include "viz/num.h"

struct sun sun_at(uint64_t unix_s)
{
	enum { J2000_UNIX_S = 946728000 }; /* 2000-01-01 12:00 */
	double days = ((double)unix_s - J2000_UNIX_S) / 86400.0;
	double mean_lon = fmod(280.460 + 0.9856474 * days, 360);
	double anomaly = fmod(357.528 + 0.9856003 * days, 360) * NUM_RAD;
	double ecliptic =
		(mean_lon + 1.915 * num_sin(anomaly) + 0.020 * num_sin(2 * anomaly)) * NUM_RAD;
	double tilt = (23.439 - 0.0000004 * days) * NUM_RAD;
	double ascension =
		num_atan2(num_cos(tilt) * num_sin(ecliptic), num_cos(ecliptic)) / NUM_RAD;
	/* Greenwich mean sidereal time, in degrees */
	double sidereal = 280.46061837 + 360.98564736629 * days;
	double lon = fmod(ascension - fmod(sidereal, 360), 360);

	return (struct sun){
		.lat = num_asin(num_sin(tilt) * num_sin(ecliptic)) / NUM_RAD,
		.lon = lon < -180  ? lon + 360
		       : lon > 180 ? lon - 360
				   : lon,
	};
}

double sun_sin_elevation(const struct sun *sun, double lat, double lon)
{
	return num_sin(lat * NUM_RAD) * num_sin(sun->lat * NUM_RAD) +
	       num_cos(lat * NUM_RAD) * num_cos(sun->lat * NUM_RAD) *
		       num_cos((lon - sun->lon) * NUM_RAD);
}
