#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Inter of Debian's fonts-inter -> the two small faces that viz embeds.

For maintainers only: the results are committed; README.md has the command.

    make-fonts.py /usr/share/fonts/opentype/inter OUT_DIR

The program draws glyph by glyph through FreeType, with no shaping engine. So
what shaping would do is done here: figures of one width (tnum) and the colon
that is centred on capitals (case) get code points of their own, U+E000 on, and
the pair kerning of GPOS becomes an old "kern" table, which FreeType reads.
"""
import sys

from fontTools import subset
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._k_e_r_n import KernTable_format_0

TEXT = [*range(0x20, 0x7F), *range(0xA0, 0x180),
        0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2026, 0x2192, 0x2212, 0xFFFD]
KERNED = [*range(0x41, 0x5B), *range(0x61, 0x7B), *map(ord, ".,-&'/")]
KERN_LEAST = 40  # of 2816 per em: a fifth of a pixel at 14 px


def feature_map(font, tag):
    """glyph -> glyph of a single-substitution feature"""
    gsub, out = font["GSUB"].table, {}
    for record in gsub.FeatureList.FeatureRecord:
        if record.FeatureTag != tag:
            continue
        for index in record.Feature.LookupListIndex:
            for table in gsub.LookupList.Lookup[index].SubTable:
                out.update(getattr(getattr(table, "ExtSubTable", table), "mapping", {}))
        return out
    return out


def pair_value(tables, left, right):
    """advance change of a pair: the first subtable that covers it decides"""
    for t in tables:
        if left not in t.Coverage.glyphs:
            continue
        if t.Format == 1:
            for rec in t.PairSet[t.Coverage.glyphs.index(left)].PairValueRecord:
                if rec.SecondGlyph == right:
                    return getattr(rec.Value1, "XAdvance", 0) or 0
            continue
        rec = t.Class1Record[t.ClassDef1.classDefs.get(left, 0)]
        value = rec.Class2Record[t.ClassDef2.classDefs.get(right, 0)].Value1
        return getattr(value, "XAdvance", 0) or 0
    return 0


def kern_pairs(font, cmap):
    gpos = font["GPOS"].table
    indices = {i for r in gpos.FeatureList.FeatureRecord if r.FeatureTag == "kern"
               for i in r.Feature.LookupListIndex}
    tables = [getattr(t, "ExtSubTable", t) for i in sorted(indices)
              for t in gpos.LookupList.Lookup[i].SubTable]
    tables = [t for t in tables if hasattr(t, "Coverage") and hasattr(t, "ValueFormat1")]
    pairs = {}
    for left in KERNED:
        for right in KERNED:
            value = pair_value(tables, cmap[left], cmap[right])
            if abs(value) >= KERN_LEAST:
                pairs[cmap[left], cmap[right]] = value
    return pairs


def make(source, target):
    font = TTFont(source)
    cmap = font.getBestCmap()
    tabular = feature_map(font, "tnum")
    case = feature_map(font, "case")
    extra = {0xE000 + i: tabular[cmap[0x30 + i]] for i in range(10)}
    extra[0xE00A] = case.get(cmap[0x3A], cmap[0x3A])
    pairs = kern_pairs(font, cmap)
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap.update(extra)
    options = subset.Options()
    options.layout_features = []
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "STAT", "DSIG"]
    options.hinting = False
    options.desubroutinize = False
    options.name_IDs = [0, 1, 2, 13, 14]
    options.notdef_outline = True
    options.glyph_names = False
    sub = subset.Subsetter(options)
    sub.populate(unicodes=[u for u in TEXT if u in cmap] + list(extra))
    sub.subset(font)
    kern = KernTable_format_0(apple=False)
    kern.coverage, kern.version, kern.format, kern.tupleIndex = 1, 0, 0, None
    kern.kernTable = pairs
    font["kern"] = newTable("kern")
    font["kern"].version, font["kern"].kernTables = 0, [kern]
    font["head"].modified = font["head"].created
    font.recalcTimestamp = False
    font.save(target)
    print(f"{target}: {len(font.getGlyphOrder())} glyphs, {len(pairs)} kerned pairs")


for weight in ("Regular", "SemiBold"):
    make(f"{sys.argv[1]}/Inter-{weight}.otf", f"{sys.argv[2]}/inter-{weight.lower()}.otf")
