"""Spark functions and syntax that declarations may not use, with the reason and what to write instead."""

from __future__ import annotations

from sqlglot import exp


def _words(text: str) -> list[str]:
    return text.split()


_ROWS = "makes rows, where one value is wanted"
_CHANCE = "draws by chance: the same run would give another value"
_CLOCK = "asks the clock: a day that is run again would give another value; say as_of, or a column"
_PLACE = "depends on where and by whom it is run"
_CODE = "may run code or read files, and depends on where and by whom it is run"
_ORDER = "depends on the order of rows, which is not fixed: write min_by(x, y) or max_by(x, y)"
_WINDOWS = "looks at other rows: write an aggregate"

REFUSED: dict[str, str] = {
    **dict.fromkeys(
        _words("explode explode_outer posexplode posexplode_outer inline inline_outer stack json_tuple"), _ROWS
    ),
    **dict.fromkeys(_words("rand random randn randstr uniform uuid shuffle"), _CHANCE),
    **dict.fromkeys(_words("now curdate current_date current_time current_timestamp localtimestamp localtime"), _CLOCK),
    **dict.fromkeys(
        _words(
            """current_timezone current_user session_user user current_database current_catalog current_schema version
            input_file_name input_file_block_start input_file_block_length monotonically_increasing_id
            spark_partition_id getenv"""
        ),
        _PLACE,
    ),
    **dict.fromkeys(
        _words("reflect try_reflect java_method read_files from_avro to_avro http_request raise_error assert_true"),
        _CODE,
    ),
    **dict.fromkeys(_words("first last any_value first_value last_value nth_value"), _ORDER),
    **dict.fromkeys(_words("row_number rank dense_rank percent_rank ntile lag lead cume_dist"), _WINDOWS),
    **dict.fromkeys(_words("approx_percentile percentile_approx"), "is an estimate: write percentile(x, 0.5)"),
    **dict.fromkeys(_words("initcap soundex sentences collate collation"), "is not the same on both engines"),
    "to_json": "writes numbers and times differently on the engines: write concat, with casts to text",
    "hash": "is not the same on both engines: write xxhash64(x)",
    "weekofyear": "fails far from today: write trunc(x, 'week')",
    "months_between": "fails far from today: write datediff(a, b) / 30.4375",
    "timestampdiff": "counts differently near clock changes: write datediff(a, b), or subtract unix_timestamp",
    "timestampadd": "counts differently near clock changes: write date_add(to_date(x), n)",
    "extract": "is not in use: write year(x), month(x), day(x), dayofweek(x), hour(x)",
    "date_part": "is not in use: write year(x), month(x), day(x), dayofweek(x), hour(x)",
    "bround": "is not the same on both engines: write round(x, n)",
    "format_string": "is not the same on both engines: write concat, with casts to decimal and text",
    "printf": "is not the same on both engines: write concat, with casts to decimal and text",
    "format_number": "is not the same on both engines: cast to a decimal, and that to text",
    "from_json": "is not the same on both engines: write get_json_object(x, '$.member')",
    "aggregate": "may fail in its own arithmetic: write array_max, array_min or size",
    "reduce": "may fail in its own arithmetic: write array_max, array_min or size",
    "sequence": "may make lists without bounds",
    "map": "makes maps, which columns do not hold",
    "named_struct": "makes structs, which columns do not hold: write struct(a, b), within max_by or min_by",
    "rint": "is not the same on both engines: write round(x)",
    "ilike": "compares case differently on the engines: write lower(x) like '...'",
    "try_to_date": "is not on both engines: write to_date(x, 'yyyy-MM-dd')",
    "struct": "is for the order within max_by and min_by alone, and takes no *",
}

_STATEMENT = "may hold no alias, parameter, subquery, * or statement"

# Nodes with a message of their own.
NODES: tuple[tuple[tuple[type[exp.Expr], ...], str], ...] = (
    ((exp.Query, exp.Alias, exp.Command, exp.DDL, exp.DML, exp.Placeholder, exp.Parameter, exp.Exists), _STATEMENT),
    ((exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.CurrentDatetime), _CLOCK),
    ((exp.CurrentUser, exp.SessionUser, exp.CurrentRole), _PLACE),
    ((exp.Window,), f"a window {_WINDOWS}, or a column derived from the rows before"),
    ((exp.Dot,), "a function is named by its own name alone, and a column by `table.column`"),
    ((exp.ILike,), f"ilike {REFUSED['ilike']}"),
    ((exp.IgnoreNulls, exp.RespectNulls), "an aggregate takes no `ignore nulls`: write a filter (where ...)"),
    ((exp.Binary, exp.Unary), "this operator is not in use"),
)
