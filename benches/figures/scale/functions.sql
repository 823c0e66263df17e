-- The id of a thing of a kind, as it would be made at so many milliseconds since 1970.
CREATE FUNCTION uuid7(kind text, number bigint, milliseconds bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$
    SELECT (lpad(to_hex(milliseconds), 12, '0') || '7' || substr(md5(kind || number), 1, 3)
        || '8' || substr(md5(kind || number), 4, 15))::uuid
$$;
CREATE FUNCTION micros(moment timestamptz) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
    SELECT (extract(epoch FROM moment) * 1000000)::bigint
$$;
