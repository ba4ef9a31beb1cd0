/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_XML_H
#define VIZ_EXPORT_XML_H

#include "viz/export_out.h"
#include "viz/export_row.h"

/** DOC: what the two XML formats of graphs have in common: text, numbers, and the types of columns.
 */

void export_xml_put(struct export_out *out, const char *s);
void export_xml_u64(struct export_out *out, uint64_t v);

/** export_xml_float() - nothing for NAN. */
void export_xml_float(struct export_out *out, float v);

/** export_xml_text() - of an element, or of an attribute in double quotes. text_clean() has made it
 * characters of XML. */
void export_xml_text(struct export_out *out, struct span s);

/** export_xml_type() - "string", "long" or "float": GraphML and GEXF have these names in common. */
const char *export_xml_type(const struct export_column *c);

/** export_xml_has() - is this cell something, or an empty text or NAN? */
bool export_xml_has(const struct export_column *c, const void *row);

/** export_xml_cell() - a cell's value as text. */
void export_xml_cell(struct export_out *out, const struct export_column *c, const void *row);

/** export_xml_time() - Unix seconds as xsd:dateTime, UTC. */
void export_xml_time(struct export_out *out, uint32_t unix_s);

#endif
