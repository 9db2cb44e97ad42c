--
-- PostgreSQL database dump
--

\restrict bcxuhFDgiFVzxGjbpkqcX9VGaBvvQk333KvCXIx5UaRoMsygUqyre20mQSTw7jM

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: Odd, Schema; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA "Odd, Schema";


ALTER SCHEMA "Odd, Schema" OWNER TO postgres;

--
-- Name: audit; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA audit;


ALTER SCHEMA audit OWNER TO postgres;

--
-- Name: binary_order; Type: COLLATION; Schema: public; Owner: postgres
--

CREATE COLLATION public.binary_order (provider = icu, locale = 'und');


ALTER COLLATION public.binary_order OWNER TO postgres;

--
-- Name: citext; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;


--
-- Name: EXTENSION citext; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION citext IS 'data type for case-insensitive character strings';


--
-- Name: hstore; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;


--
-- Name: EXTENSION hstore; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION hstore IS 'data type for storing sets of (key, value) pairs';


--
-- Name: pgcrypto; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;


--
-- Name: EXTENSION pgcrypto; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION pgcrypto IS 'cryptographic functions';


--
-- Name: email; Type: DOMAIN; Schema: public; Owner: postgres
--

CREATE DOMAIN public.email AS public.citext
	CONSTRAINT email_check CHECK ((VALUE OPERATOR(public.~) '@'::public.citext));


ALTER DOMAIN public.email OWNER TO postgres;

--
-- Name: mood; Type: TYPE; Schema: public; Owner: postgres
--

CREATE TYPE public.mood AS ENUM (
    'sad',
    'ok'
);


ALTER TYPE public.mood OWNER TO postgres;

--
-- Name: pair; Type: TYPE; Schema: public; Owner: postgres
--

CREATE TYPE public.pair AS (
	a integer,
	b text
);


ALTER TYPE public.pair OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: dish; Type: TABLE; Schema: public; Owner: app_owner
--

CREATE TABLE public.dish (
    id integer NOT NULL,
    name text NOT NULL,
    price numeric(8,2) DEFAULT 1.50,
    feeling public.mood,
    tags public.hstore,
    owner_name text DEFAULT 'a;b'::text
);

ALTER TABLE ONLY public.dish FORCE ROW LEVEL SECURITY;


ALTER TABLE public.dish OWNER TO app_owner;

--
-- Name: TABLE dish; Type: COMMENT; Schema: public; Owner: app_owner
--

COMMENT ON TABLE public.dish IS 'what''s; served
on two lines';


--
-- Name: COLUMN dish.name; Type: COMMENT; Schema: public; Owner: app_owner
--

COMMENT ON COLUMN public.dish.name IS 'its $$ name -- no comment /* not one */';


--
-- Name: price_of(integer); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.price_of(which integer) RETURNS numeric
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT
         CASE
             WHEN (d.id > 0) THEN d.price
             ELSE (0)::numeric
         END AS "case"
    FROM public.dish d
   WHERE (d.id = price_of.which);
END;


ALTER FUNCTION public.price_of(which integer) OWNER TO postgres;

--
-- Name: quoted(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.quoted() RETURNS text
    LANGUAGE sql
    AS $$SELECT 'it''s; here'::text$$;


ALTER FUNCTION public.quoted() OWNER TO postgres;

--
-- Name: slashes(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.slashes() RETURNS text
    LANGUAGE sql
    AS $$SELECT 'back\slash'::text$$;


ALTER FUNCTION public.slashes() OWNER TO postgres;

--
-- Name: log; Type: TABLE; Schema: audit; Owner: app_owner
--

CREATE TABLE audit.log (
    at timestamp with time zone NOT NULL,
    what text
)
PARTITION BY RANGE (at);


ALTER TABLE audit.log OWNER TO app_owner;

--
-- Name: tidy(); Type: PROCEDURE; Schema: public; Owner: postgres
--

CREATE PROCEDURE public.tidy()
    LANGUAGE sql
    BEGIN ATOMIC
 DELETE FROM public.dish
   WHERE (dish.name = 'gone;'::text);
 DELETE FROM audit.log
   WHERE (log.what = 'x'::text);
END;


ALTER PROCEDURE public.tidy() OWNER TO postgres;

--
-- Name: touch(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
BEGIN
  INSERT INTO audit.log VALUES ('2026-03-01', format('touched %s; $$ and $x$ too', NEW.id));
  RETURN NEW;
END $_$;


ALTER FUNCTION public.touch() OWNER TO postgres;

--
-- Name: cat(text); Type: AGGREGATE; Schema: public; Owner: postgres
--

CREATE AGGREGATE public.cat(text) (
    SFUNC = textcat,
    STYPE = text,
    INITCOND = ''
);


ALTER AGGREGATE public.cat(text) OWNER TO postgres;

--
-- Name: ===; Type: OPERATOR; Schema: public; Owner: postgres
--

CREATE OPERATOR public.=== (
    FUNCTION = int4eq,
    LEFTARG = integer,
    RIGHTARG = integer
);


ALTER OPERATOR public.=== (integer, integer) OWNER TO postgres;

--
-- Name: conf; Type: TEXT SEARCH CONFIGURATION; Schema: public; Owner: postgres
--

CREATE TEXT SEARCH CONFIGURATION public.conf (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR asciiword WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR word WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR hword_part WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR hword_asciipart WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR asciihword WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR hword WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.conf
    ADD MAPPING FOR uint WITH simple;


ALTER TEXT SEARCH CONFIGURATION public.conf OWNER TO postgres;

--
-- Name: log_2025; Type: TABLE; Schema: audit; Owner: postgres
--

CREATE TABLE audit.log_2025 (
    at timestamp with time zone NOT NULL,
    what text
);


ALTER TABLE audit.log_2025 OWNER TO postgres;

--
-- Name: log_2026; Type: TABLE; Schema: audit; Owner: postgres
--

CREATE TABLE audit.log_2026 (
    at timestamp with time zone NOT NULL,
    what text
);


ALTER TABLE audit.log_2026 OWNER TO postgres;

--
-- Name: Weird "Name"; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public."Weird ""Name""" (
    id bigint NOT NULL,
    payload bytea,
    dish integer
);


ALTER TABLE public."Weird ""Name""" OWNER TO postgres;

--
-- Name: Weird "Name"_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public."Weird ""Name""_id_seq"
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public."Weird ""Name""_id_seq" OWNER TO postgres;

--
-- Name: Weird "Name"_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public."Weird ""Name""_id_seq" OWNED BY public."Weird ""Name""".id;


--
-- Name: cheap; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.cheap AS
 SELECT dish.id,
    dish.name
   FROM public.dish
  WHERE (dish.price < (5)::numeric)
  WITH CASCADED CHECK OPTION;


ALTER TABLE public.cheap OWNER TO postgres;

--
-- Name: dish_id_seq; Type: SEQUENCE; Schema: public; Owner: app_owner
--

ALTER TABLE public.dish ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dish_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: ev_parent; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.ev_parent (
    id integer,
    note text
);


ALTER TABLE public.ev_parent OWNER TO postgres;

--
-- Name: ev_child; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.ev_child (
    more text
)
INHERITS (public.ev_parent);


ALTER TABLE public.ev_child OWNER TO postgres;

--
-- Name: menu; Type: MATERIALIZED VIEW; Schema: public; Owner: postgres
--

CREATE MATERIALIZED VIEW public.menu AS
 SELECT dish.name,
    count(*) AS n
   FROM public.dish
  GROUP BY dish.name
  WITH NO DATA;


ALTER TABLE public.menu OWNER TO postgres;

--
-- Name: tickets; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.tickets
    START WITH 100
    INCREMENT BY 5
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.tickets OWNER TO postgres;

--
-- Name: typed; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.typed (
    i integer,
    a integer[],
    j jsonb,
    p public.pair,
    r int4range,
    d date,
    u uuid,
    e public.email,
    doc xml
);


ALTER TABLE public.typed OWNER TO postgres;

--
-- Name: log_2025; Type: TABLE ATTACH; Schema: audit; Owner: postgres
--

ALTER TABLE ONLY audit.log ATTACH PARTITION audit.log_2025 FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2026-01-01 00:00:00+00');


--
-- Name: log_2026; Type: TABLE ATTACH; Schema: audit; Owner: postgres
--

ALTER TABLE ONLY audit.log ATTACH PARTITION audit.log_2026 FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');


--
-- Name: Weird "Name" id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public."Weird ""Name""" ALTER COLUMN id SET DEFAULT nextval('public."Weird ""Name""_id_seq"'::regclass);


--
-- Name: 16999; Type: BLOB; Schema: -; Owner: postgres
--

SELECT pg_catalog.lo_create('16999');


ALTER LARGE OBJECT 16999 OWNER TO postgres;

--
-- Name: LARGE OBJECT 16999; Type: COMMENT; Schema: -; Owner: postgres
--

COMMENT ON LARGE OBJECT 16999 IS 'kept';


--
-- Name: 17000; Type: BLOB; Schema: -; Owner: app_owner
--

SELECT pg_catalog.lo_create('17000');


ALTER LARGE OBJECT 17000 OWNER TO app_owner;

--
-- Data for Name: log_2025; Type: TABLE DATA; Schema: audit; Owner: postgres
--

COPY audit.log_2025 (at, what) FROM stdin;
2025-05-05 00:00:00+00	old
\.


--
-- Data for Name: log_2026; Type: TABLE DATA; Schema: audit; Owner: postgres
--

COPY audit.log_2026 (at, what) FROM stdin;
2026-05-05 00:00:00+00	new
\.


--
-- Data for Name: Weird "Name"; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public."Weird ""Name""" (id, payload, dish) FROM stdin;
1	\\x00ff5c2e	1
2	\N	\N
\.


--
-- Data for Name: dish; Type: TABLE DATA; Schema: public; Owner: app_owner
--

COPY public.dish (id, name, price, feeling, tags, owner_name) FROM stdin;
1	dish 1	1.00	\N	"n"=>"1"	a;b
2	dish 2	2.00	ok	"n"=>"2"	a;b
3	dish 3	3.00	\N	"n"=>"3"	a;b
4	dish 4	4.00	ok	"n"=>"4"	a;b
5	dish 5	5.00	\N	"n"=>"5"	a;b
6	dish 6	6.00	ok	"n"=>"6"	a;b
7	dish 7	7.00	\N	"n"=>"7"	a;b
8	dish 8	8.00	ok	"n"=>"8"	a;b
9	dish 9	9.00	\N	"n"=>"9"	a;b
10	dish 10	10.00	ok	"n"=>"10"	a;b
11	dish 11	11.00	\N	"n"=>"11"	a;b
12	dish 12	12.00	ok	"n"=>"12"	a;b
13	dish 13	13.00	\N	"n"=>"13"	a;b
14	dish 14	14.00	ok	"n"=>"14"	a;b
15	dish 15	15.00	\N	"n"=>"15"	a;b
16	dish 16	16.00	ok	"n"=>"16"	a;b
17	dish 17	17.00	\N	"n"=>"17"	a;b
18	dish 18	18.00	ok	"n"=>"18"	a;b
19	dish 19	19.00	\N	"n"=>"19"	a;b
20	dish 20	20.00	ok	"n"=>"20"	a;b
21	tab\there	1.50	\N	\N	a;b
22	two\nlines	1.50	\N	\N	a;b
23	back\\slash	1.50	\N	\N	a;b
24	\\.	1.50	\N	\N	a;b
25		1.50	\N	\N	a;b
26	NULL	1.50	\N	\N	a;b
27	é ü 漢字 🍲	1.50	\N	\N	a;b
28	carriage\rreturn	1.50	\N	\N	a;b
29	; DROP TABLE dish; --	1.50	\N	\N	a;b
\.


--
-- Data for Name: ev_child; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.ev_child (id, note, more) FROM stdin;
2	child	more
\.


--
-- Data for Name: ev_parent; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.ev_parent (id, note) FROM stdin;
1	parent
\.


--
-- Data for Name: typed; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.typed (i, a, j, p, r, d, u, e, doc) FROM stdin;
1	{1,2}	{"a": "b;c"}	(1,"x,y")	[1,5)	2026-01-01	00000000-0000-0000-0000-000000000001	a@b	<a/>
\.


--
-- Name: Weird "Name"_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public."Weird ""Name""_id_seq"', 2, true);


--
-- Name: dish_id_seq; Type: SEQUENCE SET; Schema: public; Owner: app_owner
--

SELECT pg_catalog.setval('public.dish_id_seq', 29, true);


--
-- Name: tickets; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.tickets', 300, true);


--
-- Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -
--

BEGIN;

SELECT pg_catalog.lo_open('16999', 131072);
SELECT pg_catalog.lowrite(0, '\x61206c61726765206f626a656374');
SELECT pg_catalog.lo_close(0);

SELECT pg_catalog.lo_open('17000', 131072);
SELECT pg_catalog.lowrite(0, '\x303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839303132333435363738393031323334353637383930313233343536373839');
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- Name: Weird "Name" Weird "Name"_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public."Weird ""Name"""
    ADD CONSTRAINT "Weird ""Name""_pkey" PRIMARY KEY (id);


--
-- Name: dish dish_pkey; Type: CONSTRAINT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public.dish
    ADD CONSTRAINT dish_pkey PRIMARY KEY (id);


--
-- Name: typed typed_r_excl; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.typed
    ADD CONSTRAINT typed_r_excl EXCLUDE USING gist (r WITH &&);

ALTER TABLE public.typed CLUSTER ON typed_r_excl;


--
-- Name: log_at_idx; Type: INDEX; Schema: audit; Owner: app_owner
--

CREATE INDEX log_at_idx ON ONLY audit.log USING btree (at);


--
-- Name: log_2025_at_idx; Type: INDEX; Schema: audit; Owner: postgres
--

CREATE INDEX log_2025_at_idx ON audit.log_2025 USING btree (at);


--
-- Name: log_2026_at_idx; Type: INDEX; Schema: audit; Owner: postgres
--

CREATE INDEX log_2026_at_idx ON audit.log_2026 USING btree (at);


--
-- Name: menu_name_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE UNIQUE INDEX menu_name_idx ON public.menu USING btree (name);


--
-- Name: log_2025_at_idx; Type: INDEX ATTACH; Schema: audit; Owner: app_owner
--

ALTER INDEX audit.log_at_idx ATTACH PARTITION audit.log_2025_at_idx;


--
-- Name: log_2026_at_idx; Type: INDEX ATTACH; Schema: audit; Owner: app_owner
--

ALTER INDEX audit.log_at_idx ATTACH PARTITION audit.log_2026_at_idx;


--
-- Name: st; Type: STATISTICS; Schema: public; Owner: postgres
--

CREATE STATISTICS public.st ON name, price FROM public.dish;


ALTER STATISTICS public.st OWNER TO postgres;

--
-- Name: ev_parent note; Type: RULE; Schema: public; Owner: postgres
--

CREATE RULE note AS
    ON INSERT TO public.ev_parent DO
 NOTIFY noted;


--
-- Name: dish touched; Type: TRIGGER; Schema: public; Owner: app_owner
--

CREATE TRIGGER touched AFTER INSERT ON public.dish FOR EACH ROW EXECUTE FUNCTION public.touch();


--
-- Name: Weird "Name" Weird "Name"_dish_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public."Weird ""Name"""
    ADD CONSTRAINT "Weird ""Name""_dish_fkey" FOREIGN KEY (dish) REFERENCES public.dish(id);


--
-- Name: dish; Type: ROW SECURITY; Schema: public; Owner: app_owner
--

ALTER TABLE public.dish ENABLE ROW LEVEL SECURITY;

--
-- Name: dish mine; Type: POLICY; Schema: public; Owner: app_owner
--

CREATE POLICY mine ON public.dish USING (((owner_name = CURRENT_USER) OR (owner_name = 'a;b'::text)));


--
-- Name: pub; Type: PUBLICATION; Schema: -; Owner: postgres
--

CREATE PUBLICATION pub WITH (publish = 'insert, update, delete, truncate');


ALTER PUBLICATION pub OWNER TO postgres;

--
-- Name: pub dish; Type: PUBLICATION TABLE; Schema: public; Owner: postgres
--

ALTER PUBLICATION pub ADD TABLE ONLY public.dish;


--
-- Name: SCHEMA audit; Type: ACL; Schema: -; Owner: postgres
--

GRANT ALL ON SCHEMA audit TO reader WITH GRANT OPTION;


--
-- Name: TABLE dish; Type: ACL; Schema: public; Owner: app_owner
--

GRANT SELECT ON TABLE public.dish TO reader;


--
-- Name: COLUMN "Weird ""Name""".dish; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT(dish) ON TABLE public."Weird ""Name""" TO PUBLIC;


--
-- Name: DEFAULT PRIVILEGES FOR TABLES; Type: DEFAULT ACL; Schema: -; Owner: postgres
--

ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES  TO reader;


--
-- Name: menu; Type: MATERIALIZED VIEW DATA; Schema: public; Owner: postgres
--

REFRESH MATERIALIZED VIEW public.menu;


--
-- PostgreSQL database dump complete
--

\unrestrict bcxuhFDgiFVzxGjbpkqcX9VGaBvvQk333KvCXIx5UaRoMsygUqyre20mQSTw7jM

