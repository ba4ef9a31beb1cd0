/* SPDX-License-Identifier: MIT */
#include "tests/support/krpc_samples.h"

#define ID       "abcdefghij0123456789"
#define ID2      "mnopqrstuvwxyz123456"
#define TARGET   "TARGETtargetTARGET20"
#define NODE     "nodenodenodenodenode\x5d\xb8\xd8\x22\x1a\xe1"
#define NODE4    NODE NODE NODE NODE
#define NODE8    NODE4 NODE4
#define NODE20   NODE8 NODE8 NODE4
#define ADDR6    "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x1a\xe1"
#define NODE6    "six.six.six.six.six." ADDR6
#define V4       "6:\x5d\xb8\xd8\x22\x1a\xe1"
#define V4X10    V4 V4 V4 V4 V4 V4 V4 V4 V4 V4
#define V4X50    V4X10 V4X10 V4X10 V4X10 V4X10
#define V4X150   V4X50 V4X50 V4X50
#define SAMPLE20 ID ID2 ID ID2 ID ID2 ID ID2 ID ID2 ID ID2 ID ID2 ID ID2 ID ID2 ID ID2
#define IP6      "2:ip6:\xcb\x00\x71\x02\x1a\xe1"

#define TAIL      "1:t8:tttttttt1:y1:re"
#define TAIL_V(v) "1:t8:tttttttt1:v4:" v "1:y1:re"
#define LT        "LT\x02\x08"

/* clang-format off */
#define BYTES(s) .bytes = { (const uint8_t *)(s), sizeof(s) - 1 }
#define BAD(what, error, s) { .name = what, .err = error, BYTES(s) }
#define REPLY(what, s) .name = what, BYTES(s), .kind = KRPC_REPLY
#define QUERY(what, m, s) .name = what, BYTES(s), .kind = KRPC_QUERY, .method = m
#define ERROR(what, code, s) .name = what, BYTES(s), .kind = KRPC_ERROR, .error_code = code

const struct krpc_sample krpc_samples[] = {
/* ---- replies of real nodes ---- */
{ REPLY("libtorrent find_node: 8 nodes, ip, p",
	"d" IP6 "1:rd2:id20:" ID "5:nodes208:" NODE8 "1:pi6881ee" TAIL_V(LT)),
	.nodes = 8, .t_len = 8, .v_len = 4 },
{ REPLY("libtorrent dual stack: nodes and nodes6",
	"d2:ip18:" ADDR6 "1:rd2:id20:" ID "5:nodes208:" NODE8 "6:nodes676:" NODE6 NODE6
	"1:pi6881ee" TAIL_V(LT)),
	.nodes = 8, .nodes6 = 2, .t_len = 8, .v_len = 4 },
{ REPLY("libtorrent get_peers: 100 values beside nodes",
	"d" IP6 "1:rd2:id20:" ID "5:nodes208:" NODE8 "1:pi6881e5:token4:tokn6:valuesl"
	V4X50 V4X50 "ee" TAIL_V(LT)),
	.nodes = 8, .values = 100, .t_len = 8, .v_len = 4, .token_len = 4 },
{ REPLY("libtorrent scrape: BFpe and BFsd",
	"d" IP6 "1:rd4:BFpe4:xxxx4:BFsd4:yyyy2:id20:" ID "5:nodes26:" NODE "5:token4:tokne"
	TAIL_V(LT)),
	.nodes = 1, .t_len = 8, .v_len = 4, .token_len = 4 },
{ REPLY("libtorrent sample_infohashes: 20 of 73",
	"d" IP6 "1:rd2:id20:" ID "8:intervali21600e5:nodes208:" NODE8
	"3:numi73e1:pi6881e7:samples400:"
	SAMPLE20 "e" TAIL_V(LT)),
	.nodes = 8, .samples = 20, .num = 73, .t_len = 8, .v_len = 4 },
{ REPLY("libtorrent, v4 only, asked for n6: no nodes key",
	"d" IP6 "1:rd2:id20:" ID "1:pi6881ee" TAIL_V(LT)),
	.t_len = 8, .v_len = 4 },
{ REPLY("libtorrent and jech: empty t where the query had none",
	"d" IP6 "1:rd2:id20:" ID "1:pi6881ee1:t0:1:v4:" LT "1:y1:re"),
	.t_len = 0, .v_len = 4 },
{ REPLY("bittorrent-dht: 20 nodes, token 20, no v",
	"d1:rd2:id20:" ID "5:nodes520:" NODE20 "5:token20:" ID2 "e" TAIL),
	.nodes = 20, .t_len = 8, .token_len = 20 },
{ REPLY("bittorrent-dht: 150 values, no nodes",
	"d1:rd2:id20:" ID "5:token20:" ID2 "6:valuesl" V4X150 "ee" TAIL),
	.values = 150, .t_len = 8, .token_len = 20 },
{ REPLY("bittorrent-dht: no t where the query had none",
	"d1:rd2:id20:" ID "e1:y1:re") },
{ REPLY("jech: token 8",
	"d1:rd2:id20:" ID "5:nodes208:" NODE8 "5:token8:tokennnne" TAIL_V("JC\0\0")),
	.nodes = 8, .t_len = 8, .v_len = 4, .token_len = 8 },
{ REPLY("transmission: t of 16 bytes of its stack",
	"d1:rd2:id20:" ID "e1:t16:\0\x10\x7f\x7f\0\0\x7fgarbage!!1:y1:re"),
	.t_len = 16 },
{ REPLY("aria2",
	"d1:rd2:id20:" ID "5:nodes208:" NODE8 "5:token20:" ID2 "e" TAIL_V("A2\0\x03")),
	.nodes = 8, .t_len = 8, .v_len = 4, .token_len = 20 },
{ REPLY("rtorrent: values without nodes",
	"d1:rd2:id20:" ID "5:token8:tokennnn6:valuesl" V4X10 "ee" TAIL_V("lt\r\x80")),
	.values = 10, .t_len = 8, .v_len = 4, .token_len = 8 },
{ REPLY("mldht: BFpe and its typo BFse",
	"d1:rd4:BFpe4:xxxx4:BFse4:yyyy2:id20:" ID "5:nodes208:" NODE8 "5:token4:tokn6:valuesl" V4
	V4 "ee"
	TAIL_V("ml\0\x0b")),
	.nodes = 8, .values = 2, .t_len = 8, .v_len = 4, .token_len = 4 },
{ REPLY("bootstrap-dht: 16 nodes, ip, no v",
	"d" IP6 "1:rd2:id20:" ID "5:nodes416:" NODE8 NODE8 "e" TAIL),
	.nodes = 16, .t_len = 8 },

/* ---- replies that bend a rule and are taken ---- */
{ REPLY("values of both families, and strings that are neither",
	"d1:rd2:id20:" ID "6:valuesl" V4 "18:" ADDR6 "3:abc0:" V4 "ee" TAIL),
	.values = 3, .t_len = 8 },
{ REPLY("keys in reverse order",
	"d1:y1:r1:t8:tttttttt1:rd5:nodes26:" NODE "2:id20:" ID "ee"),
	.nodes = 1, .t_len = 8 },
{ REPLY("the first of two equal keys counts",
	"d1:rd2:id20:" ID "5:nodes26:" NODE "5:nodes52:" NODE NODE
	"e1:t8:tttttttt1:t2:xx1:y1:r1:y1:qe"),
	.nodes = 1, .t_len = 8 },
{ REPLY("unknown keys, nested ones too",
	"d0:0:1:bli1eld1:xleeee1:rd0:0:2:id20:" ID "7:unknownld1:xleeee2:zzi-5e" TAIL),
	.t_len = 8 },
{ REPLY("a newline after it",
	"d1:rd2:id20:" ID "e" TAIL "\n"),
	.t_len = 8, .odd = KRPC_ODD_TRAILING },
{ REPLY("another message after it",
	"d1:rd2:id20:" ID "e" TAIL "d1:rd2:id20:" ID2 "5:nodes26:" NODE "e" TAIL),
	.t_len = 8, .odd = KRPC_ODD_TRAILING },
{ REPLY("no id in r",
	"d1:rd5:nodes26:" NODE "e" TAIL),
	.nodes = 1, .t_len = 8 },
{ REPLY("empty nodes",
	"d1:rd2:id20:" ID "5:nodes0:6:nodes60:7:samples0:e" TAIL),
	.t_len = 8 },
{ REPLY("nodes of 27 bytes and nodes6 of 39 are dropped",
	"d1:rd2:id20:" ID "5:nodes27:" NODE "x6:nodes639:" NODE6 "x7:samples21:" ID "xe" TAIL),
	.t_len = 8, .odd = KRPC_ODD_LENGTH },
{ REPLY("nodes that hold IPv6 contacts are dropped",
	"d1:rd2:id20:" ID "5:nodes38:" NODE6 "e" TAIL),
	.t_len = 8, .odd = KRPC_ODD_LENGTH },
{ REPLY("ip of 4 bytes, as in drafts of BEP 42, is dropped",
	"d2:ip4:\xcb\x00\x71\x02" "1:rd2:id20:" ID "e" TAIL),
	.t_len = 8, .odd = KRPC_ODD_LENGTH },
{ REPLY("optional keys with values of another kind",
	"d2:ipi4e1:rd2:id20:" ID
	"5:nodesle3:num1:x1:pd1:xi1ee6:values3:abce1:t8:tttttttt1:vi5e1:y1:re"),
	.t_len = 8, .odd = KRPC_ODD_KIND },
{ REPLY("a number among the values drops them",
	"d1:rd2:id20:" ID "6:valuesl" V4 "i7e" V4 "ee" TAIL),
	.t_len = 8, .odd = KRPC_ODD_KIND },
{ REPLY("a port and a num that cannot be",
	"d1:rd2:id20:" ID "8:intervali-1e3:numi-73e1:pi65536ee" TAIL),
	.t_len = 8 },

/* ---- errors ---- */
{ ERROR("libtorrent: r beside e", 203,
	"d1:eli203e12:missing targe2:ip6:\xcb\x00\x71\x02\x1a\xe1" "1:rd2:id20:" ID
	"e1:t8:tttttttt1:v4:" LT "1:y1:ee"),
	.t_len = 8, .v_len = 4 },
{ ERROR("rtorrent: 204 without v", 204,
	"d1:eli204e14:Method Unknowne1:t8:tttttttt1:y1:ee"), .t_len = 8 },
{ ERROR("rtorrent: 203 without t", 203,
	"d1:eli203e16:Malformed packete1:y1:ee") },
{ ERROR("mldht: t of 4 zero bytes for a packet cut short", 203,
	"d1:eli203e9:malformede1:t4:\0\0\0\0" "1:v4:ml\0\x0b" "1:y1:ee"), .t_len = 4, .v_len = 4 },
{ ERROR("mldht: 202 for a reply it did not ask for", 202,
	"d1:eli202e4:heyye1:t6:\0\0\0\0\0\0" "1:v4:ml\0\x0b" "1:y1:ee"), .t_len = 6, .v_len = 4 },
{ ERROR("error with an empty list", 0, "d1:ele1:t8:tttttttt1:y1:ee"), .t_len = 8 },
{ ERROR("error that is a string", 0, "d1:e4:oops1:t8:tttttttt1:y1:ee"),
	.t_len = 8, .odd = KRPC_ODD_KIND },
{ ERROR("error without e", 0, "d1:t8:tttttttt1:y1:ee"), .t_len = 8 },
{ ERROR("error code beyond 32 bits", 0, "d1:eli4294967296e1:xe1:t8:tttttttt1:y1:ee"), .t_len = 8 },

/* ---- queries ---- */
{ QUERY("ping", KRPC_PING, "d1:ad2:id20:" ID "e1:q4:ping1:t2:aa1:y1:qe"), .t_len = 2 },
{ QUERY("ping with ro", KRPC_PING,
	"d1:ad2:id20:" ID "e1:q4:ping2:roi1e1:t1:a1:v4:DT\0\x01" "1:y1:qe"),
	.t_len = 1, .v_len = 4 },
{ QUERY("libtorrent find_node with want", KRPC_FIND_NODE,
	"d1:ad2:id20:" ID "6:target20:" TARGET "4:wantl2:n42:n6ee1:q9:find_node1:t2:aa1:v4:" LT
	"1:y1:qe"),
	.t_len = 2, .v_len = 4 },
{ QUERY("libtorrent get_peers while bootstrapping", KRPC_GET_PEERS,
	"d1:ad2:bsi1e2:id20:" ID "9:info_hash20:" TARGET "e1:q9:get_peers1:t2:aa1:v4:" LT
	"1:y1:qe"),
	.t_len = 2, .v_len = 4 },
{ QUERY("announce_peer", KRPC_ANNOUNCE_PEER,
	"d1:ad2:id20:" ID "12:implied_porti1e9:info_hash20:" TARGET
	"4:porti6881e5:token8:tokennnne1:q13:announce_peer1:t2:aa1:y1:qe"),
	.t_len = 2, .token_len = 8 },
{ QUERY("sample_infohashes", KRPC_SAMPLE_INFOHASHES,
	"d1:ad2:id20:" ID "6:target20:" TARGET "e1:q17:sample_infohashes1:t2:aa1:y1:qe"),
	.t_len = 2 },
{ QUERY("get", KRPC_GET,
	"d1:ad2:id20:" ID "6:target20:" TARGET "e1:q3:get1:t2:aa1:y1:qe"), .t_len = 2 },
{ QUERY("put", KRPC_PUT,
	"d1:ad2:id20:" ID "5:token4:tokn1:v5:12345e1:q3:put1:t2:aa1:y1:qe"),
	.t_len = 2, .token_len = 4 },
{ QUERY("vote, of uTorrent", KRPC_OTHER_METHOD,
	"d1:ad2:id20:" ID "6:target20:" TARGET
	"5:token4:tokn4:votei1ee1:q4:vote1:t2:aa1:v4:UT\xb4\x7b"
	"1:y1:qe"), .t_len = 2, .v_len = 4, .token_len = 4 },
{ QUERY("want that is a string", KRPC_FIND_NODE,
	"d1:ad2:id20:" ID "6:target20:" TARGET "4:want2:n4e1:q9:find_node1:t2:aa1:y1:qe"),
	.t_len = 2, .odd = KRPC_ODD_KIND },
{ QUERY("find_node without target: the answer is up to whoever is asked", KRPC_FIND_NODE,
	"d1:ad2:id20:" ID "e1:q9:find_node1:t2:aa1:y1:qe"), .t_len = 2 },

/* ---- refused ---- */
BAD("nothing", DT_ESHORT, ""),
BAD("half a message", DT_ESHORT, "d1:rd2:id20:abcdef"),
BAD("a dictionary without end", DT_ESHORT, "d1:rd2:id20:" ID "e" "1:t8:tttttttt1:y1:r"),
BAD("a length beyond the datagram", DT_ESHORT, "d1:t9999:xe"),
BAD("a length of ten digits", DT_ESIZE, "d1:t1000000000:xe"),
BAD("not bencode", DT_EMALF, "GET / HTTP/1.1\r\n\r\n"),
BAD("uTP SYN", DT_EMALF, "A\0\x12\x34\0\0\0\0\0\0\0\0\0\x10\0\0\0\x01\0\0"),
BAD("a list", DT_EMALF, "l1:xe"),
BAD("a string", DT_EMALF, "4:ping"),
BAD("a number", DT_EMALF, "i1e"),
BAD("an end", DT_EMALF, "e"),
BAD("a number for a key", DT_EMALF, "di1e1:xe"),
BAD("a list for a key", DT_EMALF, "dle1:xe"),
BAD("a key without value", DT_EMALF, "d1:rd2:ide1:y1:re"),
BAD("length with a leading zero", DT_EMALF, "d1:rd2:id020:" ID "e" TAIL),
BAD("length 00", DT_EMALF, "d1:rd2:id20:" ID "e1:t00:1:y1:re"),
BAD("a minus before a length", DT_EMALF, "d1:t-1:x1:y1:re"),
BAD("a space before a length", DT_EMALF, "d1:t 1:x1:y1:re"),
BAD("number with a leading zero", DT_EMALF, "d1:xi01e1:y1:re"),
BAD("minus zero", DT_EMALF, "d1:xi-0e1:y1:re"),
BAD("number without digits", DT_EMALF, "d1:xie1:y1:re"),
BAD("number that is a minus", DT_EMALF, "d1:xi-e1:y1:re"),
BAD("number with a plus", DT_EMALF, "d1:xi+1e1:y1:re"),
BAD("number beyond 64 bits", DT_ERANGE, "d1:xi9223372036854775808e1:y1:re"),
BAD("number below 64 bits", DT_ERANGE, "d1:xi-9223372036854775809e1:y1:re"),
BAD("depth 17", DT_EDEPTH, "d1:xlllllllllllllllleeeeeeeeeeeeeeeee"),
BAD("no y", DT_EKIND, "d1:rd2:id20:" ID "e1:t8:tttttttte"),
BAD("empty y", DT_EKIND, "d1:rd2:id20:" ID "e1:t8:tttttttt1:y0:e"),
BAD("unknown y", DT_EKIND, "d1:rd2:id20:" ID "e1:t8:tttttttt1:y1:xe"),
BAD("y of two letters", DT_EKIND, "d1:rd2:id20:" ID "e1:t8:tttttttt1:y2:rre"),
BAD("y that is a number", DT_EKIND, "d1:rd2:id20:" ID "e1:t8:tttttttt1:yi1ee"),
BAD("a and r both", DT_EKIND, "d1:ad2:id20:" ID "e1:q4:ping1:rd2:id20:" ID2 "e1:t2:aa1:y1:qe"),
BAD("an empty dictionary", DT_EKIND, "de"),
BAD("id of 19 bytes", DT_ESIZE, "d1:rd2:id19:abcdefghij012345678e" TAIL),
BAD("id of 21 bytes", DT_ESIZE, "d1:rd2:id21:" ID "xe" TAIL),
BAD("empty id", DT_ESIZE, "d1:rd2:id0:e" TAIL),
BAD("target of 19 bytes", DT_ESIZE,
	"d1:ad2:id20:" ID "6:target19:abcdefghij012345678e1:q9:find_node1:t2:aa1:y1:qe"),
BAD("info_hash of 32 bytes", DT_ESIZE,
	"d1:ad2:id20:" ID "9:info_hash32:" ID "abcdefghijkle1:q9:get_peers1:t2:aa1:y1:qe"),
BAD("t of 17 bytes", DT_ESIZE, "d1:rd2:id20:" ID "e1:t17:ttttttttttttttttt1:y1:re"),
BAD("reply without r", DT_EMISSING, "d1:t8:tttttttt1:y1:re"),
BAD("reply whose r is a list", DT_EMISSING, "d1:rle1:t8:tttttttt1:y1:re"),
BAD("query without a", DT_EMISSING, "d1:q4:ping1:t2:aa1:y1:qe"),
BAD("query without id", DT_EMISSING, "d1:ade1:q4:ping1:t2:aa1:y1:qe"),
BAD("query without q", DT_EMISSING, "d1:ad2:id20:" ID "e1:t2:aa1:y1:qe"),
BAD("query whose id is a number", DT_EMISSING, "d1:ad2:idi5ee1:q4:ping1:t2:aa1:y1:qe"),
{ .name = NULL },
};
/* clang-format on */
