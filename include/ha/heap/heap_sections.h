/* SPDX-License-Identifier: MIT */
/* Ids of the index sections that heap, graph and dom write; their bytes are described in docs/index-format.md. */
#ifndef HA_HEAP_HEAP_SECTIONS_H
#define HA_HEAP_HEAP_SECTIONS_H

#include "ha/index/index.h"

#define HA_SECTION_FACTS HA_INDEX_ID('F', 'A', 'C', 'T')         /* struct ha_heap_facts */
#define HA_SECTION_ADDRESS_INFO HA_INDEX_ID('A', 'I', 'N', 'F')  /* shift, counts, first page */
#define HA_SECTION_ADDRESS_DIR HA_INDEX_ID('A', 'D', 'I', 'R')   /* directory */
#define HA_SECTION_ADDRESS_LINES HA_INDEX_ID('A', 'L', 'I', 'N') /* lines */
#define HA_SECTION_ADDRESS_RANKS HA_INDEX_ID('A', 'R', 'N', 'K') /* ranks */
#define HA_SECTION_ADDRESS_PAGES HA_INDEX_ID('A', 'P', 'G', 'S') /* page numbers */
#define HA_SECTION_ADDRESS_SORTED HA_INDEX_ID('A', 'S', 'R', 'T') /* sorted form */
#define HA_SECTION_CLASS_COLUMN HA_INDEX_ID('O', 'C', 'L', 'S')  /* class of each object */
#define HA_SECTION_OFFSETS HA_INDEX_ID('O', 'O', 'F', 'F')       /* record of each object */
#define HA_SECTION_SAMPLES HA_INDEX_ID('O', 'S', 'M', 'P')       /* or: where the records of each line of addresses begin */
#define HA_SECTION_STRAYS HA_INDEX_ID('O', 'S', 'T', 'R')        /* and records of objects that are elsewhere */
#define HA_SECTION_ARRAY_BITS HA_INDEX_ID('O', 'A', 'R', 'B')    /* is it an array */
#define HA_SECTION_ARRAY_RANKS HA_INDEX_ID('O', 'A', 'R', 'R')
#define HA_SECTION_ARRAY_LENGTHS HA_INDEX_ID('O', 'A', 'R', 'L')
#define HA_SECTION_INSTANCE_RANGES HA_INDEX_ID('O', 'I', 'N', 'R') /* objects of classes that have few (heap_instances.h) */
#define HA_SECTION_INSTANCES HA_INDEX_ID('O', 'I', 'N', 'S')
#define HA_SECTION_GAPS HA_INDEX_ID('G', 'A', 'P', 'C')          /* struct ha_gap per class: distances between objects */
#define HA_SECTION_GAP_ARRAYS HA_INDEX_ID('G', 'A', 'P', 'A')    /* struct ha_gap_arrays */
#define HA_SECTION_CHUNK_SIZES HA_INDEX_ID('S', 'C', 'N', 'K')   /* pairs (object, words of stack) of StackChunk objects */
#define HA_SECTION_COUNTS HA_INDEX_ID('C', 'N', 'T', 'C')        /* u8 objects per class, where the heap has not all of them (heap_counts.h) */
#define HA_SECTION_ARRAY_COUNTS HA_INDEX_ID('C', 'N', 'T', 'A')  /* struct ha_array_count */
#define HA_SECTION_TEXT HA_INDEX_ID('T', 'E', 'X', 'T')          /* NUL-terminated names */
#define HA_SECTION_CLASSES HA_INDEX_ID('C', 'L', 'A', 'S')
#define HA_SECTION_FIELDS HA_INDEX_ID('C', 'F', 'L', 'D')
#define HA_SECTION_STATICS HA_INDEX_ID('C', 'S', 'T', 'A')
#define HA_SECTION_CLASS_OBJECTS HA_INDEX_ID('C', 'O', 'B', 'J')
#define HA_SECTION_ROOTS HA_INDEX_ID('R', 'O', 'O', 'T')
#define HA_SECTION_THREADS HA_INDEX_ID('T', 'H', 'R', 'D')
#define HA_SECTION_LOCALS HA_INDEX_ID('T', 'L', 'O', 'C')
#define HA_SECTION_FRAMES HA_INDEX_ID('T', 'F', 'R', 'M')
#define HA_SECTION_ROW_STARTS HA_INDEX_ID('G', 'R', 'O', 'W')
#define HA_SECTION_ROWS_PACKED HA_INDEX_ID('G', 'R', 'W', 'P')
#define HA_SECTION_ROWS_LARGE HA_INDEX_ID('G', 'R', 'W', 'L')
#define HA_SECTION_TARGETS HA_INDEX_ID('G', 'T', 'G', 'T')
#define HA_SECTION_IN_STARTS HA_INDEX_ID('G', 'I', 'N', 'S')
#define HA_SECTION_IN_LARGE HA_INDEX_ID('G', 'I', 'N', 'L')
#define HA_SECTION_SOURCES HA_INDEX_ID('G', 'S', 'R', 'C')
#define HA_SECTION_IDOM HA_INDEX_ID('D', 'I', 'D', 'O')
#define HA_SECTION_CHILDREN HA_INDEX_ID('D', 'C', 'H', 'I')
#define HA_SECTION_TARGETS_PACKED HA_INDEX_ID('G', 'T', 'G', 'P')  /* the same columns packed (index/column.h) */
#define HA_SECTION_SOURCES_PACKED HA_INDEX_ID('G', 'S', 'R', 'P')
#define HA_SECTION_IDOM_PACKED HA_INDEX_ID('D', 'I', 'D', 'P')
#define HA_SECTION_CHILDREN_PACKED HA_INDEX_ID('D', 'C', 'H', 'P')
#define HA_SECTION_CHILD_STARTS HA_INDEX_ID('D', 'C', 'H', 'S')
#define HA_SECTION_MAT_RETAINED HA_INDEX_ID('M', 'R', 'E', 'T')  /* --size-model mat: retained column */
#define HA_SECTION_MAT_RETAINED_PACKED HA_INDEX_ID('M', 'R', 'T', 'P')
#define HA_SECTION_MAT_EXTRA HA_INDEX_ID('M', 'R', 'E', 'X')
#define HA_SECTION_MAT_CLASSES HA_INDEX_ID('M', 'C', 'L', 'A')   /* struct ha_class_total */
#define HA_SECTION_MAT_TOTALS HA_INDEX_ID('M', 'T', 'O', 'T')
#define HA_SECTION_MAT_PACKAGES HA_INDEX_ID('M', 'P', 'K', 'G') /* struct ha_class_total per package */
#define HA_SECTION_MAT_LOADERS HA_INDEX_ID('M', 'L', 'D', 'R')  /* and per loader */
#define HA_SECTION_MAT_PARTS HA_INDEX_ID('M', 'P', 'R', 'T')    /* big parts of the heap */
#define HA_SECTION_MAT_PART_ROWS HA_INDEX_ID('M', 'P', 'R', 'R') /* their histograms */
#define HA_SECTION_MAT_UNREACHABLE HA_INDEX_ID('M', 'U', 'N', 'R')      /* the unreachable part: sums (query) */
#define HA_SECTION_MAT_UNREACHABLE_TOPS HA_INDEX_ID('M', 'U', 'N', 'T') /* and the first level of its tree */
#define HA_SECTION_MAT_TOP HA_INDEX_ID('M', 'T', 'O', 'P')              /* the first level of the dominator tree: its largest (query) */
#define HA_SECTION_MAT_LEVEL HA_INDEX_ID('M', 'L', 'V', 'L')            /* and its sums by class */
#define HA_SECTION_MAT_SUSPECTS HA_INDEX_ID('M', 'S', 'U', 'S')         /* leak suspects (query) */
#define HA_SECTION_MAT_SUSPECTS_ASKED HA_INDEX_ID('M', 'S', 'U', '1')   /* the same under other thresholds: 1, 2, … */
#define HA_SECTION_MAT_PLACES HA_INDEX_ID('M', 'P', 'L', 'C')           /* places of the dominator tree (query) */
#define HA_SECTION_MAT_PLACE_NAMES HA_INDEX_ID('M', 'P', 'L', 'T')
#define HA_SECTION_MAT_FINDINGS HA_INDEX_ID('M', 'F', 'N', 'D')         /* what the built-in rules found (rules) */
#define HA_SECTION_JVM_RETAINED HA_INDEX_ID('J', 'R', 'E', 'T')  /* --size-model jvm: the same sections */
#define HA_SECTION_JVM_RETAINED_PACKED HA_INDEX_ID('J', 'R', 'T', 'P')
#define HA_SECTION_JVM_EXTRA HA_INDEX_ID('J', 'R', 'E', 'X')
#define HA_SECTION_JVM_CLASSES HA_INDEX_ID('J', 'C', 'L', 'A')
#define HA_SECTION_JVM_TOTALS HA_INDEX_ID('J', 'T', 'O', 'T')
#define HA_SECTION_JVM_PACKAGES HA_INDEX_ID('J', 'P', 'K', 'G')
#define HA_SECTION_JVM_LOADERS HA_INDEX_ID('J', 'L', 'D', 'R')
#define HA_SECTION_JVM_PARTS HA_INDEX_ID('J', 'P', 'R', 'T')
#define HA_SECTION_JVM_PART_ROWS HA_INDEX_ID('J', 'P', 'R', 'R')
#define HA_SECTION_JVM_UNREACHABLE HA_INDEX_ID('J', 'U', 'N', 'R')
#define HA_SECTION_JVM_UNREACHABLE_TOPS HA_INDEX_ID('J', 'U', 'N', 'T')
#define HA_SECTION_JVM_TOP HA_INDEX_ID('J', 'T', 'O', 'P')
#define HA_SECTION_JVM_LEVEL HA_INDEX_ID('J', 'L', 'V', 'L')
#define HA_SECTION_JVM_SUSPECTS HA_INDEX_ID('J', 'S', 'U', 'S')
#define HA_SECTION_JVM_SUSPECTS_ASKED HA_INDEX_ID('J', 'S', 'U', '1')
#define HA_SECTION_JVM_PLACES HA_INDEX_ID('J', 'P', 'L', 'C')
#define HA_SECTION_JVM_PLACE_NAMES HA_INDEX_ID('J', 'P', 'L', 'T')
#define HA_SECTION_JVM_FINDINGS HA_INDEX_ID('J', 'F', 'N', 'D')
#define HA_SUSPECTS_ASKED 4U /* thresholds, at most */
/* The n-th of some sections whose ids end with a digit, from 0. */
#define HA_SECTION_NTH(id, n) ((id) + ((uint32_t)(n) << 24))
/* The section of a size model. */
#define HA_SECTION_OF(model, name) ((model) == HA_SIZES_MAT ? HA_SECTION_MAT_##name : HA_SECTION_JVM_##name)
#define HA_SECTION_GZIP_PIECES HA_INDEX_ID('G', 'Z', 'P', 'C')   /* a compressed dump: what lies where (input) */
#define HA_SECTION_GZIP_WINDOWS HA_INDEX_ID('G', 'Z', 'W', 'N')
#define HA_SECTION_DIAG HA_INDEX_ID('D', 'I', 'A', 'G')

#endif
