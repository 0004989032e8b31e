"""Lines of the function table; the format is described in `functions`."""

TABLE = r"""
lower(string) -> string
lcase(string) -> string = lower({0})
upper(string) -> string
ucase(string) -> string = upper({0})
trim(string) -> string
btrim(string) -> string = trim({0})
btrim(string, 'text') -> string = trim(both {1} from {0})
ltrim(string) -> string
rtrim(string) -> string
length(string) -> int
len(string) -> int = length({0})
char_length(string) -> int = length({0})
character_length(string) -> int = length({0})
left(string, int) -> string = left_part
right(string, int) -> string = right_part
substring(string, int) -> string = substring_from
substring(string, int, int) -> string = substring_from
substr(string, int) -> string = substring_from
substr(string, int, int) -> string = substring_from
mid(string, int, int) -> string = substring_from
substring_index(string, 'text', 'number') -> string = substring(substring_index({0}, {1}, {2}), 1)
concat(text...) -> string
concat_ws('text', text...) -> string
replace(string, string) -> string = replace({0}, {1}, '')
replace(string, string, string) -> string
translate(string, string, string) -> string
lpad(string, 'number', 'text') -> string
rpad(string, 'number', 'text') -> string
repeat(string, 'number') -> string
reverse(string) -> string
split(string, 'pattern') -> array<string>
split_part(string, 'text', 'number') -> string
instr(string, string) -> int
locate(string, string) -> int
position(string, string) -> int = locate({0}, {1})
startswith(string, string) -> boolean
endswith(string, string) -> boolean
contains(string, string) -> boolean
rlike(string, 'pattern') -> boolean = ({0} rlike {1})
regexp(string, 'pattern') -> boolean = ({0} rlike {1})
regexp_like(string, 'pattern') -> boolean = ({0} rlike {1})
regexp_replace(string, 'pattern', 'replacement') -> string
regexp_extract(string, 'pattern') -> string = regexp_extract({0}, {1}, 1)
regexp_extract(string, 'pattern', 'number') -> string
regexp_count(string, 'pattern') -> int = cast(regexp_count({0}, {1}) as int)
ascii(string) -> int
levenshtein(string, string) -> int
md5(string) -> string = substring(md5({0}), 1)
sha(string) -> string = sha1({0})
sha1(string) -> string
sha2(string, 'bits') -> string
crc32(string) -> bigint
xxhash64(text...) -> bigint

abs(int) -> bigint = abs(cast({0} as bigint))
abs(bigint) -> bigint = try_multiply({0}, cast(sign({0}) as bigint))
abs(decimal) -> same
abs(double) -> double
sign(number) -> double = sign(cast({0} as double))
ceil(bigint) -> bigint = {0}
ceil(decimal) -> whole = ceil({0})
ceil(double) -> bigint = try_cast(ceil(if(abs({0}) < 9.2e18D, {0}, null)) as bigint)
ceiling(bigint) -> bigint = {0}
ceiling(decimal) -> whole = ceil({0})
ceiling(double) -> bigint = try_cast(ceil(if(abs({0}) < 9.2e18D, {0}, null)) as bigint)
floor(bigint) -> bigint = {0}
floor(decimal) -> whole
floor(double) -> bigint = try_cast(floor(if(abs({0}) < 9.2e18D, {0}, null)) as bigint)
round(bigint) -> bigint = {0}
round(decimal) -> whole = round({0}, 0)
round(decimal, 'number') -> rounded
round(string, 'number') -> rounded = text_rounded
round(double) -> double = (round({0}) + 0D)
round(double, 'number') -> double = round_double
sqrt(double) -> double = sqrt(if({0} >= 0 and not isnan({0}), {0}, null))
power(double, double) -> double = power
pow(double, double) -> double = power
exp(double) -> double = exponential
ln(double) -> double = ln(if({0} > 0 and not isnan({0}), {0}, null))
log10(double) -> double = log10(if({0} > 0 and not isnan({0}), {0}, null))
log2(double) -> double = log2(if({0} > 0 and not isnan({0}), {0}, null))
mod(bigint, bigint) -> bigint = ({0} % nullif({1}, 0))
pmod(bigint, bigint) -> bigint = positive_rest
greatest(T, T...) -> T
least(T, T...) -> T
isnan(double) -> boolean = coalesce(isnan({0}), false)
nanvl(double, double) -> double

isnull(T) -> boolean = ({0} is null)
isnotnull(T) -> boolean = ({0} is not null)
nvl(T, T) -> T = coalesce({0}, {1})
ifnull(T, T) -> T = coalesce({0}, {1})
nvl2(U, T, T) -> T = if({0} is not null, {1}, {2})

to_date(date) -> date = {0}
to_date(string) -> date = text_date
to_date(string, 'format') -> date = cast(try_to_timestamp({0}, {1}) as date)
date(date) -> date = {0}
date(string) -> date = text_date
to_timestamp(timestamp) -> timestamp = {0}
to_timestamp(string) -> timestamp = text_timestamp
to_timestamp(string, 'format') -> timestamp = cast(try_to_timestamp({0}, {1}) as timestamp)
try_to_timestamp(string) -> timestamp? = text_timestamp
try_to_timestamp(string, 'format') -> timestamp? = cast(try_to_timestamp({0}, {1}) as timestamp)
date_add(date, int) -> date = date_moved
date_sub(date, int) -> date = date_moved_back
dateadd(date, int) -> date = date_moved
add_months(date, int) -> date = months_moved
datediff(date, date) -> int = cast(datediff({0}, {1}) as int)
date_diff(date, date) -> int = cast(datediff({0}, {1}) as int)
last_day(date) -> date
next_day(date, 'weekday') -> date
trunc(date, 'unit') -> date
date_trunc('unit', timestamp) -> timestamp
year(date) -> int
quarter(date) -> int
month(date) -> int
day(date) -> int
dayofmonth(date) -> int = day({0})
dayofweek(date) -> int
dayofyear(date) -> int
weekday(date) -> int = pmod(dayofweek({0}) + 5, 7)
hour(timestamp) -> int
minute(timestamp) -> int
second(timestamp) -> int
date_format(timestamp, 'format') -> string
unix_timestamp(timestamp) -> bigint
unix_seconds(timestamp) -> bigint = unix_timestamp({0})
unix_millis(timestamp) -> bigint = ((unix_micros({0}) - pmod(unix_micros({0}), 1000L)) div 1000L)
unix_micros(timestamp) -> bigint
unix_date(date) -> int
timestamp_seconds(bigint) -> timestamp = instant_of_seconds
timestamp_millis(bigint) -> timestamp = instant_of_millis
timestamp_micros(bigint) -> timestamp = instant_of_micros
from_unixtime(bigint, 'format') -> string = written_seconds
make_date(int, int, int) -> date = made_date

array(T...) -> array<T>
array_contains(array<T>, T) -> boolean = coalesce(array_contains({0}, {1}), false)
array_distinct(array<T>) -> array<T>
array_size(array<T>) -> int = if({0} is null, null, size({0}))
size(array<T>) -> int = if({0} is null, null, size({0}))
cardinality(array<T>) -> int = if({0} is null, null, size({0}))
array_max(array<T>) -> T?
array_min(array<T>) -> T?
array_join(array<string>, 'text') -> string
array_position(array<T>, T) -> bigint
array_remove(array<T>, T) -> array<T>
array_union(array<T>, array<T>) -> array<T>
array_intersect(array<T>, array<T>) -> array<T>
array_except(array<T>, array<T>) -> array<T>
arrays_overlap(array<T>, array<T>) -> boolean = coalesce(arrays_overlap({0}, {1}), false)
sort_array(array<T>) -> array<T>
array_sort(array<T>) -> array<T>
slice(array<T>, 'number', 'number') -> array<T>
flatten(array<array<T>>) -> array<T>
element_at(array<T>, 'number') -> T? = try_element_at({0}, {1})
try_element_at(array<T>, 'number') -> T?
get(array<T>, int) -> T? = element
reverse(array<T>) -> array<T>
transform(array<T>, T -> U) -> array<U>
filter(array<T>, T -> boolean) -> array<T>
exists(array<T>, T -> boolean) -> boolean
forall(array<T>, T -> boolean) -> boolean

get_json_object(string, 'path') -> string? = json_member
json_array_length(string) -> int? = json_length
"""
