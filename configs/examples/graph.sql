-- SPDX-License-Identifier: MIT
-- Three questions to a crawled graph, for DuckDB:
--
--   dht-telescope export --store s --what edges --format parquet --out graph
--   duckdb < graph.sql          (or tests/integration/export/duck.mjs @graph.sql)

-- Whose lists are stale? Of what each client hands out, how much does not answer.
SELECT n.client, count(*) AS listings, round(100 * avg(1 - e.target_crawlable), 2) AS dead_percent
FROM 'graph/edges.parquet' e JOIN 'graph/nodes.parquet' n ON e.source = n.node
GROUP BY ALL ORDER BY listings DESC LIMIT 5;

-- Who is known best? The networks whose nodes are listed most often, each.
SELECT n.org, count(DISTINCT n.node) AS nodes, round(count(*) / count(DISTINCT n.node), 2) AS listings_each
FROM 'graph/edges.parquet' e JOIN 'graph/nodes.parquet' n ON e.target = n.node
WHERE n.asn > 0 GROUP BY n.org HAVING nodes >= 100 ORDER BY listings_each DESC, n.org LIMIT 5;

-- Does nearness show? How often one country lists itself, against what chance gives it.
WITH c AS (SELECT country, count(*) / sum(count(*)) OVER () AS share
           FROM 'graph/nodes.parquet' WHERE country <> '' GROUP BY country)
SELECT s.country, count(*) AS listings, round(avg((s.country = t.country)::INT), 4) AS own, round(any_value(c.share), 4) AS by_chance
FROM 'graph/edges.parquet' e JOIN 'graph/nodes.parquet' s ON e.source = s.node
JOIN 'graph/nodes.parquet' t ON e.target = t.node JOIN c ON c.country = s.country
WHERE t.country <> '' GROUP BY s.country ORDER BY listings DESC LIMIT 5;
