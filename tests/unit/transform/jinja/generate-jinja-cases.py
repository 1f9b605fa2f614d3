"""Writes jinja-cases.json: templates, their context, and what Jinja2 itself makes of them.

Run it with a Python that has Jinja2 (python3 -m venv, pip install jinja2==3.1.6): python3 generate-jinja-cases.py
The environment is dbt's: sandboxed, `do` and loop controls, no trimming of blocks, undefined names are errors.
"""

import json
import pathlib
from random import Random

import jinja2
from jinja2.sandbox import SandboxedEnvironment

CONTEXT = {
    "t": True,
    "f": False,
    "n": None,
    "i": 7,
    "big": 9007199254740993,
    "x": 2.5,
    "s": "Hello World",
    "empty": "",
    "umlaut": "Wendenstraße 12",
    "emoji": "a😀b",
    "lines": "one\ntwo\n\nthree",
    "xs": [3, 1, 2],
    "words": ["banana", "Apple", "cherry", "apple"],
    "none_list": [],
    "nested": [[1, 2], [3, 4]],
    "pairs": [["a", 1], ["b", 2]],
    "d": {"b": 2, "a": 1, "C": 3},
    "deep": {"a": {"b": {"c": [10, 20]}}},
    "users": [
        {"name": "Anna", "age": 30, "city": "Hamburg", "active": True, "address": {"zip": "20097"}},
        {"name": "bert", "age": 25, "city": "Berlin", "active": False, "address": {"zip": "10115"}},
        {"name": "Carl", "age": 30, "city": "hamburg", "active": True, "address": {"zip": "20099"}},
    ],
    "keys_dict": {"items": "mine", "keys": 1},
}

TEMPLATES: list[str] = []


def cases(text: str) -> None:
    """One template per line; `↵` stands for a newline inside of one."""
    for line in text.strip("\n").split("\n"):
        if line.strip():
            TEMPLATES.append(line.replace("↵", "\n"))


# printing
cases("""
{{ t }} {{ f }} {{ n }} {{ i }} {{ x }} {{ s }}
{{ true }} {{ True }} {{ false }} {{ False }} {{ none }} {{ None }}
{{ xs }} {{ none_list }} {{ nested }}
{{ d }} {{ {} }} {{ deep }}
{{ (1, 2) }} {{ (1,) }} {{ () }} {{ 1, 2 }}
{{ [1, 'a', "it's", 'say "x"', 'both \\' "', none, true, 1.0] }}
{{ ['a\\nb', 'tab\\t', 'back\\\\slash', '\\x00', '\\u00e9', '\\u200b'] }}
{{ {'k': [1, {'z': (1,)}], 2: 'two', none: 3, true: 4, 1.5: 5} }}
{{ 1.0 }} {{ 1.5 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 1e16 }} {{ 1e15 }} {{ 123456789012345680.0 }} {{ 0.0001 }} {{ 0.00001 }}
{{ 100000000000000000000 }} {{ big }} {{ big + 1 }} {{ big * big }}
{{ 0.1 + 0.2 }} {{ 1e22 }} {{ 1.7976931348623157e308 }} {{ -0.0 }} {{ 5e-324 }}
{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_000 }} {{ 1_0.5_0 }}
{{ umlaut }} {{ [umlaut] }} {{ emoji }} {{ [emoji] }}
{{ 'a' 'b' "c" }}
{{ '\\d+\\.\\w' }} {{ 'a\\'b' }} {{ "a\\"b" }} {{ '\\x41\\101\\u0042' }}
{{ range(3) }} {{ range(1, 5) }} {{ range(0, 10, 3) }}
{{ d.keys() }} {{ d.values() }} {{ d.items() }}
{{ namespace(a=1, b='x') }}
{{ [none, none]|string }}{{ 1|string ~ none }}
""")

# arithmetic
cases("""
{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 // -2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }}
{{ 7 / 2 }} {{ 4 / 2 }} {{ 1 / 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 0.5 }} {{ 2 ** 100 }}
{{ 7.5 // 2 }} {{ -7.5 // 2 }} {{ 7.5 % 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ 5.0 // 2 }}
{{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ (-2) ** 2 }}
{{ 10 - 4 - 3 }} {{ 100 / 10 / 2 }} {{ 100 / 10 * 2 }} {{ 10 * 7 % 4 }} {{ 2 * 3 // 4 }}
{{ true + true }} {{ true * 3 }} {{ -true }} {{ +true }} {{ true / 2 }}
{{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ 'ab' * 0 }} {{ 'ab' * -1 }} {{ [1] * 3 }} {{ (1, 2) * 2 }}
{{ 'a' + 'b' }} {{ [1] + [2] }} {{ (1,) + (2,) }}
{{ 1 ~ 2 }} {{ 'a' ~ 1 ~ none ~ true ~ 1.0 }} {{ 1 + 2 ~ 'x' if false else 'ok' }}
{{ 9007199254740991 + 2 }} {{ 9007199254740993 - 1 }} {{ 9007199254740993 // 2 }} {{ 9007199254740993 % 10 }}
{{ 12345678901234567890 * 98765432109876543210 }} {{ -12345678901234567890 // 7 }} {{ -12345678901234567890 % 7 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1.0 / 0 }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + (2,) }}
{{ 'a' - 'b' }}
{{ none + 1 }}
{{ -'a' }}
{{ {} + {} }}
{{ 1.5 + 1 }} {{ 0.5 + 0.5 }} {{ 3 - 1.0 }} {{ 2 * 1.5 }} {{ 1 - 0.9 }}
{{ 10 ** 20 }} {{ 10.0 ** 20 }} {{ 0 ** 0 }} {{ 4 ** 0.5 }}
{{ (7 // 2, 7 % 2) }} {{ 1 + + 1 }} {{ 1 - - 1 }} {{ - - 1 }}
""")

# comparison, logic
cases("""
{{ 1 == 1.0 }} {{ 1 == true }} {{ 0 == false }} {{ '1' == 1 }} {{ none == none }} {{ none == false }} {{ '' == false }}
{{ [1, 2] == [1, 2] }} {{ [1] == (1,) }} {{ {'a': 1} == {'a': 1.0} }} {{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}
{{ 1 < 2 }} {{ 1 < 1.5 }} {{ 'a' < 'b' }} {{ 'B' < 'a' }} {{ [1, 2] < [1, 3] }} {{ (1,) < (1, 0) }} {{ [] < [0] }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 3 > 2 > 1 }} {{ 1 == 1 != 2 }} {{ 1 < 2 == true }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ [1] < ['a'] }}
{{ {} < {} }}
{{ 1 in [1, 2] }} {{ 3 not in [1, 2] }} {{ 'a' in 'abc' }} {{ '' in '' }} {{ 'a' in d }} {{ 'z' in d }} {{ 2 in (1, 2) }} {{ 2 in range(3) }}
{{ 1 in 'abc' }}
{{ 1 in 5 }}
{{ 'a' in d.keys() }} {{ 1 in d.values() }} {{ ('a', 1) in d.items() }}
{{ not t }} {{ not f }} {{ not none }} {{ not [] }} {{ not 0 }} {{ not 0.0 }} {{ not '' }} {{ not '0' }} {{ not {} }} {{ not () }}
{{ [] or 'e' }} {{ '' or 'e' }} {{ 0 or none }} {{ 'a' or 'b' }} {{ 'a' and 'b' }} {{ [] and 'b' }} {{ 1 and 2 and 0 }}
{{ t and not f or f }} {{ not t or t }} {{ not (t or t) }} {{ f or f and t }}
{{ 'yes' if t else 'no' }} {{ 'yes' if f else 'no' }} {{ 'yes' if f }}|{{ 'a' if f else 'b' if f else 'c' }}
{{ ('x' if f)|default('dflt') }} {{ ('x' if f) is defined }} {{ ('x' if f) or 'alt' }}
{{ (1 if t else 2) + 1 }} {{ 1 if t else 2 + 10 }}
{{ not 1 == 2 }} {{ not 1 in [2] }} {{ 1 not in [2] and 2 in [2] }}
{{ 1 + 1 == 2 and 'x' ~ 'y' == 'xy' }}
{{ 1 + 1 is odd }} {{ (1 + 1) is odd }} {{ 'a' ~ 1 is string }}
{{ 2 is even and 3 is odd }} {{ not 2 is odd }} {{ 2 is not odd }} {{ -1 is odd }}
{{ 9007199254740993 == 9007199254740992.0 }} {{ 9007199254740993 > 9007199254740992 }}
{{ 1 == 2 or 1 == 1 }} {{ (1 == 2) == false }}
{{ none is none }} {{ none == none }} {{ false is none }}
""")

# tests
cases("""
{{ nope is defined }} {{ nope is undefined }} {{ s is defined }} {{ d.zz is defined }} {{ d['zz'] is undefined }} {{ s.zz is defined }}
{{ 1 is number }} {{ 1.5 is number }} {{ true is number }} {{ '1' is number }} {{ 1 is integer }} {{ 1.0 is integer }} {{ true is integer }}
{{ 1.0 is float }} {{ 1 is float }} {{ (4 / 2) is float }} {{ big is integer }}
{{ 'a' is string }} {{ 1 is string }} {{ none is string }} {{ true is boolean }} {{ 1 is boolean }} {{ true is true }} {{ 1 is true }} {{ false is false }}
{{ d is mapping }} {{ xs is mapping }} {{ xs is sequence }} {{ 'a' is sequence }} {{ d is sequence }} {{ 1 is sequence }} {{ (1,) is sequence }} {{ range(2) is sequence }} {{ d.items() is sequence }}
{{ xs is iterable }} {{ 'a' is iterable }} {{ d is iterable }} {{ 1 is iterable }} {{ none is iterable }} {{ d.keys() is iterable }} {{ xs|map('string') is iterable }}
{{ xs|map('string') is sequence }} {{ (xs|map('string')) is sequence }}
{{ range is callable }} {{ 1 is callable }} {{ s.upper is callable }} {{ s is callable }}
{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 3.0 is odd }}
{{ 1 is eq 1 }} {{ 1 is equalto 2 }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 1 is le 1 }} {{ 2 is gt 1 }} {{ 2 is ge 3 }} {{ 1 is lessthan 2 }} {{ 1 is greaterthan 2 }}
{{ 1 is in [1, 2] }} {{ 'a' is in 'abc' }} {{ 3 is not in [1, 2] }} {{ 1 is in([1]) }}
{{ true is sameas true }} {{ 1 is sameas true }} {{ none is sameas none }} {{ 'a' is sameas 'a' }} {{ [] is sameas [] }}
{{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'aBC' is lower }} {{ '123' is lower }} {{ 'A1' is upper }}
{{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }} {{ 'nope' is test }}
{{ nope is string }} {{ nope is none }} {{ nope is mapping }} {{ nope is number }} {{ nope is sequence }} {{ nope is boolean }} {{ nope is callable }}
{{ nope is iterable }}
{{ nope is odd }}
{{ nope is eq 1 }}
{{ 'a' is odd }}
{{ 1 is nope }}
{{ i is defined and i is number and i is not none }}
{{ x is not string }} {{ not x is string }} {{ 'x' if i is divisibleby 7 else 'y' }}
{{ [1] is in [[1], [2]] }} {{ 'b' is in d }}
""")

# undefined
cases("""
{{ nope }}
{{ nope.attr }}
{{ d.zz }}
{{ d.zz.yy }}
{{ nope + 1 }}
{{ nope == 1 }}
{{ nope ~ 'x' }}
{% if nope %}a{% endif %}
{% if not nope %}a{% endif %}
{% for a in nope %}a{% endfor %}
{{ nope() }}
{{ s.nope() }}
{{ nope[0] }}
{{ xs[10] }}
{{ nope|upper }}
{{ nope|length }}
{{ [nope]|length }} {{ [nope]|first is defined }}
{{ nope|default('x') }} {{ d.zz|default('y') }} {{ nope|d(1) + 1 }} {{ none|default('z') }} {{ none|default('z', true) }} {{ ''|default('w', boolean=true) }}
{{ nope|default }}|{{ nope|default(none) }}
{{ nope.a|default('x') }}
{{ d.get('zz') }} {{ d.get('zz', 5) }} {{ d.get('a') }}
{{ xs[10] is defined }} {{ xs[-1] }} {{ xs[-10] is defined }} {{ s[0] }} {{ s[-1] }} {{ s[99] is defined }}
{{ 'a' in nope }}
{{ nope in [1] }}
{% set y = nope %}{{ y is defined }}
{{ none.a }}
{{ (none).a is defined }}
{{ 1 .a is defined }}
{{ [1, 2].a is defined }}
{{ f and nope }} {{ t or nope }}
{{ nope and 1 }}
{{ nope if f else 1 }} {{ 1 if t else nope }}
""")

# subscripts, attributes, slices
cases("""
{{ d.a }} {{ d['a'] }} {{ deep.a.b.c[1] }} {{ deep['a']['b'].c.0 }} {{ xs.0 }} {{ nested.1.0 }} {{ nested[0][-1] }}
{{ keys_dict.items is callable }} {{ keys_dict['items'] }} {{ keys_dict['keys'] }} {{ keys_dict.get('items') }}
{{ xs[1:] }} {{ xs[:1] }} {{ xs[:] }} {{ xs[::-1] }} {{ xs[-2:] }} {{ xs[:-1] }} {{ xs[0:3:2] }} {{ xs[5:] }} {{ xs[::2] }}
{{ s[:5] }} {{ s[6:] }} {{ s[::-1] }} {{ s[-5:] }} {{ s[1:-1:3] }} {{ s[:100] }} {{ s[100:] }}|{{ s[3:1] }}|
{{ (1, 2, 3)[1:] }} {{ (1, 2, 3)[0] }} {{ range(10)[2:5] }} {{ range(10)[-1] }} {{ range(10)[::3] }}
{{ emoji|length }} {{ emoji[1] }} {{ emoji[::-1] }} {{ emoji[1:] }} {{ emoji|list }} {{ emoji|reverse }}
{{ xs[::0] }}
{{ xs['a'] is defined }} {{ d[1] is defined }} {{ xs[1.0] is defined }} {{ xs[true] }}
{{ {'a': 1}.a }} {{ [1, 2, 3][1] }} {{ 'abc'[1] }} {{ 'abc'.upper() }} {{ ('a' ~ 'b').upper() }}
{{ {1: 'one'}[1] }} {{ {1: 'one'}[1.0] }} {{ {1: 'one'}[true] }} {{ {(1, 2): 'pair'}[(1, 2)] }} {{ {(1, 2): 'pair'}[1, 2] }} {{ {none: 'x'}[none] }}
{{ {'a': 1, 'a': 2} }} {{ {1: 'a', true: 'b', 1.0: 'c'} }}
{{ {[1]: 2} }}
{{ d[[1]] }}
{{ {'__proto__': 1} }} {{ {'constructor': 2}.constructor }} {{ {}.constructor is defined }}
{{ s.upper().lower().title() }}
{{ xs [0] }} {{ d . a }}
{{ [[1, 2, 3], [4, 5, 6]][1][1:] }}
{{ 'a,b'.split(',')[1] }} {{ 'a,b'.split(',').0 }}
""")

# found by comparing random templates
cases("""
{{ 0 // -2.5 }} {{ -0.0 // 1.5 }} {{ 1 // -2.5 }} {{ 5.5 // 0.5 }} {{ -1e-300 // 1e300 }}
{{ '' % range(3) }}|{{ '' % [1] }}|{{ '' % {'a': 1} }}|{{ 'x' % () }}
{{ '' % 1 }}
{{ ''|filesizeformat }}
{{ 'x'|filesizeformat }}
{{ '1500'|filesizeformat }}
{{ [1, 2]|truncate(3) }}
{{ range(3).index(1) }} {{ range(3).count(5) }}
{{ d[[1]] is defined }} {{ d[{}] is defined }}
{{ 5[1:] }}
{{ d[1:] }}
{{ 'a' is string if true }}
{{ 1 is odd in [true] }}
{{ (1 is odd) in [true] }}
{{ (1 is odd) if t else 2 }}
""")

# loops
cases("""
{% for a in xs %}{{ a }},{% endfor %}
{% for a in xs %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.first }}/{{ loop.last }}/{{ loop.length }} {% endfor %}
{% for a in xs %}{{ a }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for a in xs if a > 1 %}{{ loop.index }}:{{ a }} {% endfor %}
{% for a in xs if a > 1 %}{{ loop.length }}{{ loop.last }} {% endfor %}
{% for a in xs if a > 10 %}x{% else %}none{% endfor %}
{% for a in [] %}x{% else %}empty{% endfor %}
{% for a, b in pairs %}{{ a }}={{ b }};{% endfor %}
{% for (a, b) in pairs %}{{ a }}={{ b }};{% endfor %}
{% for a, (b, c) in [(1, (2, 3)), (4, (5, 6))] %}{{ a }}{{ b }}{{ c }} {% endfor %}
{% for k, v in d.items() %}{{ k }}:{{ v }} {% endfor %}
{% for k in d %}{{ k }}{% endfor %} {% for v in d.values() %}{{ v }}{% endfor %} {% for k in d.keys() %}{{ k }}{% endfor %}
{% for c in 'abc' %}[{{ c }}]{% endfor %}
{% for a in (1, 2) %}{{ a }}{% endfor %} {% for a in 1, 2 %}{{ a }}{% endfor %} {% for a in range(3) %}{{ a }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}x{% endfor %}
{% for a, b in [1] %}x{% endfor %}
{% for a in 5 %}x{% endfor %}
{% for a in none %}x{% endfor %}
{% for a in xs %}{% for b in words %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}
{% for a in xs %}{% set outer = loop %}{% for b in [1, 2] %}{{ outer.index }}.{{ loop.index }} {% endfor %}{% endfor %}
{% for a in xs %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}
{% for a in xs %}{{ loop.previtem|default('-') }}{{ loop.nextitem|default('-') }} {% endfor %}
{% for a in xs %}{{ loop.cycle('odd', 'even') }} {% endfor %}
{% for a in [1, 1, 2, 2, 1] %}{{ loop.changed(a) }} {% endfor %}
{% for a in [1, 1, 2] %}{% if loop.changed(a) %}{{ a }}{% endif %}{% endfor %}
{% for a in xs %}{{ loop.depth }}{{ loop.depth0 }}{% for b in xs %}{{ loop.depth }}{% endfor %}{% endfor %}
{% for a in range(5) %}{% if a == 3 %}{% break %}{% endif %}{{ a }}{% endfor %}
{% for a in range(5) %}{% if a % 2 %}{% continue %}{% endif %}{{ a }}{% endfor %}
{% for a in [1] %}{% break %}{% else %}E{% endfor %}|{% for a in [1, 2] %}{% continue %}{% else %}E{% endfor %}|{% for a in [1, 2] %}{% if a == 2 %}{% break %}{% endif %}{% else %}E{% endfor %}
{% for a in range(3) %}{% for b in range(3) %}{% if b == 1 %}{% break %}{% endif %}{{ a }}{{ b }} {% endfor %}{% endfor %}
{% for a in xs|sort %}{{ a }}{% endfor %} {% for a in xs|reverse %}{{ a }}{% endfor %}
{% set found = [] %}{% for a in xs if a not in found %}{% do found.append(a) %}{{ a }}{% endfor %}{{ found }}
{% set seen = [] %}{% for a in [1, 1, 2, 1] if a not in seen %}{% do seen.append(a) %}{{ a }}{% endfor %}
{% for a in xs %}{% set z = a %}{% endfor %}{{ z is defined }}
{% set z = 0 %}{% for a in xs %}{% set z = z + a %}{{ z }} {% endfor %}{{ z }}
{% set ns = namespace(total=0) %}{% for a in xs %}{% set ns.total = ns.total + a %}{% endfor %}{{ ns.total }}
{% for a in xs %}{% if loop.first %}{% set q = 1 %}{% endif %}{{ q is defined }} {% endfor %}
{% set i = 'outer' %}{% for i in xs %}{{ i }}{% endfor %}{{ i }}
{% for a in xs %}{% else %}{{ loop is defined }}{% endfor %}{% for a in [] %}{% else %}{{ loop is defined }}{% endfor %}
{% for a in xs|map('string') %}{{ loop.index }}{{ loop.last }}{{ a }} {% endfor %}
{% for a in xs|map('string') %}{{ loop.length }} {% endfor %}
{% for a in xs|select('odd') %}{{ loop.revindex }} {% endfor %}
{% for row in nested %}{% for c in row %}{{ c }}{{ ',' if not loop.last }}{% endfor %}{{ ';' if not loop.last }}{% endfor %}
{% for a in [1, 2, 3] if loop is defined %}{{ a }}{% endfor %}
{% for a in d.items() if a[1] > 1 %}{{ a }}{% endfor %}
{% for k, v in d|dictsort %}{{ k }}{{ v }}{% endfor %} {% for k, v in d|items %}{{ k }}{{ v }}{% endfor %}
{% for a in xs %}{{ a }}{% do xs.append(9) if loop.index < 3 %}{% endfor %}
{% for k in {'a': 1} %}{% set dummy = k %}{{ dummy }}{% endfor %}
{% for a in [[1, [2, 3]]] %}{% set (b, (c, e)) = a %}{{ b }}{{ c }}{{ e }}{% endfor %}
{% for x in xs %}{% for x in nested %}{{ x }}{% endfor %}{{ x }}{% endfor %}
{% for loop in xs %}{% endfor %}
""")

# set, with, scopes
cases("""
{% set a = 1 %}{{ a }}{% set a = a + 1 %}{{ a }}
{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set a, b = b, a %}{{ a }}{{ b }} {% set (p, q) = (5, 6) %}{{ p }}{{ q }}
{% set a = 1, 2 %}{{ a }} {% set b = 1, %}{{ b }}
{% set a, b = 1 %}
{% set a, b = (1, 2, 3) %}
{% set a %}x{{ i }}y{% endset %}[{{ a }}] {{ a is string }}
{% set a | upper %}hello{% endset %}{{ a }} {% set b | upper | replace('L', 'x') %}hello{% endset %}{{ b }}
{% set a %}{% set inner = 1 %}{{ inner }}{% endset %}{{ a }}{{ inner is defined }}
{% if t %}{% set a = 5 %}{% endif %}{{ a }}
{% if f %}{% set a = 5 %}{% endif %}{{ a is defined }}
{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}
{% set a = 10 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}
{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z is defined }}
{% set ns = namespace() %}{% set ns.a = 1 %}{% set ns.b = [1] %}{{ ns.a }}{{ ns['b'] }} {{ ns.c is defined }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}
{% set dd = {} %}{% set dd.a = 1 %}
{% set true = 1 %}
{% set a = [] %}{% do a.append(1) %}{% do a.extend([2, 3]) %}{{ a }}
{% set a = {'x': 1} %}{% do a.update({'y': 2}) %}{% do a.update(z=3) %}{{ a }}
{{ [].append(1) }} {% set l = [1] %}{{ l.append(2) }}{{ l }}
{% set l = [1] %}{% set m = l %}{% do m.append(2) %}{{ l }}
{% set a = b = 1 %}
{% filter upper %}abc{{ s }}{% endfilter %} {% filter replace('a', 'b')|upper %}aaa{% endfilter %}
{% filter indent(2) %}a↵b{% endfilter %}
{% set v = 'x' %}{% filter upper %}{% set v = 'y' %}{{ v }}{% endfilter %}{{ v }}
{% print 'a', 1 %}
{% set a = 'if' %}{{ a }} {% set set = 3 %}{{ set }}
{% set x = {'a': {'b': {'c': 1}}} %}{{ x.a.b.c }}{{ {'a': {'b': 1}} }}
{% set a = [1, 2, 3,] %}{{ a }}{% set b = {'a': 1,} %}{{ b }} {{ range(1, 3,)|list }}
{% set q = "{{ not a tag }}" %}{{ q }} {{ "%}" }} {{ '}}' }} {% set r = '{% x %}' %}{{ r }}
""")

# macros
cases("""
{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m(1) }}{{ m('x') }}{{ m(a=2) }}
{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(1, c=9) }} {{ m(b=1, a=2) }}
{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}
{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{% endmacro %}{{ m(b=1) }}
{% macro m(a) %}{% endmacro %}{{ m(1, a=1) }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, z=3) }} {{ m() }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, z=3) }}
{% macro m(a, b=1) %}{{ a }}-{{ b }}{% endmacro %}{{ m(*[1, 2]) }} {{ m(**{'a': 3, 'b': 4}) }} {{ m(1, *[2]) }} {{ m(1, **{'b': 5}) }}
{% macro m() %}x{% endmacro %}{{ m()|upper }}{{ m() ~ m() }}{{ m()|length }}
{% macro m() %}{{ i }}{% endmacro %}{{ m() }}
{% set z = 1 %}{% macro m() %}{{ z }}{% endmacro %}{% set z = 2 %}{{ m() }}
{% macro m() %}{% set z = 5 %}{{ z }}{% endmacro %}{{ m() }}{{ z is defined }}
{% macro f1(n) %}{{ n }}{% if n > 0 %}{{ f1(n - 1) }}{% endif %}{% endmacro %}{{ f1(3) }}
{% macro m(a) %}<{{ caller() }}>{% endmacro %}{% call m(1) %}body{{ i }}{% endcall %}
{% macro m() %}{{ caller(1, b=2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}
{% macro m() %}{% for q in [1, 2] %}{{ caller(q) }}{% endfor %}{% endmacro %}{% call(q) m() %}({{ q }}){% endcall %}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro m() %}{{ caller is defined }}{% if caller %}{{ caller() }}{% endif %}{% endmacro %}{% call m() %}y{% endcall %}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}
{% macro m(caller=none) %}{{ caller is none }}{% endmacro %}{{ m() }}{% call m() %}y{% endcall %}
{% macro m() %}{{ m.name }}{{ m.arguments }}{% endmacro %}{{ m() }} {% macro k(a, b=1) %}{% endmacro %}{{ k.arguments }}
{% macro outer() %}{% macro inner() %}in{% endmacro %}{{ inner() }}{% endmacro %}{{ outer() }}
{{ m() }}{% macro m() %}x{% endmacro %}
{% macro m(a, b) %}{{ a ~ b }}{% endmacro %}{% for p in pairs %}{{ m(*p) }}{% endfor %}
{% for a in xs %}{% macro m() %}{{ a }}{% endmacro %}{{ m() }}{% endfor %}
{% macro m(a=[]) %}{% do a.append(1) %}{{ a|length }}{% endmacro %}{{ m() }}{{ m() }}
{% macro m(a, b=1, c) %}{% endmacro %}
{% macro m(xs) %}{{ xs|join(',') }}{% endmacro %}{{ m([1, 2]) }} {{ m(['a']) }}
{% for a in [1, 2] %}{% macro m() %}{{ loop.index }}{% endmacro %}{{ m() }}{% endfor %}
{% macro m() %}{{ caller() }}{% endmacro %}{% for a in [1, 2] %}{% call m() %}{{ loop.index }}{{ a }}{% endcall %}{% endfor %}
{% macro m() %}{{ caller() }}{% endmacro %}{% set z = 1 %}{% call m() %}{% set z = 2 %}{{ z }}{% endcall %}{{ z }}
{{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }} {{ dict({'a': 1}, b=2) }} {{ dict() }}
{{ range(3)|list }} {{ range(5, 0, -2)|list }} {{ range(0)|list }}
{{ range(100001) }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% do c.reset() %}{{ c.current }}
{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }} {% set k = joiner() %}{{ k() }}x{{ k() }}
""")

# whitespace and tags
cases("""
a {% if t %} b {% endif %} c
a {%- if t %} b {% endif -%} c
a↵{% if t %}↵b↵{% endif %}↵c
a↵{%- if t -%}↵b↵{%- endif -%}↵c
a  {{- s -}}  b
a  {{ s }}  b↵
a↵↵
a {# comment #} b {#- strip -#} c
{# multi↵line #}x
a {# {{ nope }} {% nope %} #} b
{% raw %}{{ not }} {% evaluated %}{% endraw %}
a {%- raw -%}  {{ x }}  {%- endraw -%} b
x {% raw %} {{ '{% raw %}' }} {% endraw %} y
  {%+ if t %}a{%+ endif %}
{{ '{{' }} {{ '#}' }} #} -%} }}
{%if t%}a{%endif%} {{s}} {{-s-}} {{  s  }}
{% if t -%}   x   {%- endif %}
{% for a in xs -%}↵  {{ a }}↵{%- endfor %}
select *↵from {{ s }} -- comment↵where '{' || x || '}' = '%'
{ not a tag } {a} %} {{ 1 }}% {}
{{ {'a': 1}['a'] }}{{ [{'b': 2}][0]['b'] }}
{%- set a = 1 -%}↵{%- set b = 2 -%}↵{{ a + b }}
{# a #}{# b #}{{ 1 }}{#- c #}
a{#-#}b{#--#}c
{% if t %}1{% elif t %}2{% else %}3{% endif %}{% if f %}1{% elif t %}2{% else %}3{% endif %}{% if f %}1{% elif f %}2{% else %}3{% endif %}
{% if t and↵ xs %}multi{% endif %}
""")

# syntax errors
cases("""
{{ 1 + }}
{{ (1 }}
{{ 1) }}
{{ [1, 2 }}
{{ 'abc }}
{% if t %}
{% endif %}
{% for a in xs %}{% endif %}{% endfor %}
{% if t %}{% endfor %}
{% nope %}
{{ a b }}
{{ s|nope }}
{{ s| }}
{{ }}
{% %}
{% set %}
{% set 1 = 2 %}
{# unclosed
{% raw %} unclosed
{{ 1 === 1 }}
{{ f(a=1, 2) }}
{{ 1 is }}
{% macro %}{% endmacro %}
{% for in xs %}{% endfor %}
{{ d.  }}
{{ $x }}
{{ x ? 1 : 2 }}
{% break %}
{% if t %}x{% else %}y{% else %}z{% endif %}
{{ 'a' if }}
{{ not }}
{{ {1, 2} }}
{{ {'a' 1} }}
{{ xs[] }}
{% for a in xs recursive if a %}{% endfor %}
{% call s %}{% endcall %}
{{ lambda x: x }}
{{ 1 if t else }}
""")


# filters on texts
cases("""
{{ s|upper }} {{ s|lower }} {{ 'hELLO wORLD'|title }} {{ 'hELLO wORLD'|capitalize }} {{ "it's o'neil-smith (foo) [bar] {baz} <q>"|title }} {{ 'ß'|upper }}
{{ '  a b '|trim }}| {{ 'xxaxx'|trim('x') }} {{ ' \\t\\n a'|trim }}
{{ s|replace('l', 'L') }} {{ s|replace('l', 'L', 1) }} {{ s|replace('', '-') }} {{ 'aaa'|replace('aa', 'b') }} {{ 123|replace(2, 'x') }}
{{ s|length }} {{ xs|length }} {{ d|count }} {{ ''|length }} {{ umlaut|length }} {{ d.items()|length }} {{ range(4)|length }}
{{ 5|length }}
{{ xs|map('string')|length }}
{{ s|reverse }} {{ xs|reverse|list }} {{ d|reverse|list }} {{ (1, 2)|reverse|list }}
{{ 'a b  c'|wordcount }} {{ "don't stop-it"|wordcount }} {{ ''|wordcount }}
{{ lines|indent }}|{{ lines|indent(2) }}|{{ lines|indent(2, true) }}|{{ lines|indent(2, true, true) }}|{{ lines|indent('> ') }}|{{ lines|indent(width=1, blank=true) }}
{{ ''|indent(2) }}|{{ 'a\\n'|indent(2) }}|
{{ s|center(20) }}|{{ s|center(3) }}|{{ 'ab'|center(5) }}|{{ 'abc'|center(6) }}|
{{ 'foo bar baz qux'|truncate(9) }} {{ 'foo bar baz qux'|truncate(9, true) }} {{ 'foo bar baz qux'|truncate(11) }} {{ 'foo bar baz qux'|truncate(11, false, '...', 0) }} {{ 'foo bar'|truncate(5, leeway=0, end='') }}
{{ 'foobarbazquxfoobar'|truncate(9) }}
{{ 'foo bar'|truncate(2) }}
{{ 4 / 2 is float }}
{{ '%s-%s'|format('a', 1) }} {{ '%(x)s'|format(x=5) }} {{ '%05d|%-5s|%5s|%.2f|%x|%%'|format(42, 'a', 'b', 3.14159, 255) }}
{{ '%d %i %s %r'|format(3.7, true, none, 'q') }} {{ '%+d % d %#x %o'|format(5, 5, 255, 8) }} {{ '%e %g %g %g'|format(12345.678, 0.0001, 1e-05, 123456789) }}
{{ '%s'|format([1, 'a']) }} {{ '%s %s' % ('a', 'b') }} {{ '%s' % 'x' }} {{ '%(a)s %(a)s' % {'a': 1} }} {{ '%5.1f' % 2.25 }} {{ '%.3s' % 'abcdef' }} {{ '%c%c' % (65, 'b') }} {{ '%*d' % (5, 42) }}
{{ '%s' % (1, 2) }}
{{ '%s %s' % (1,) }}
{{ '%d' % 'a' }}
{{ '%q' % 1 }}
{{ 'a'|format(1) }}
{{ 'http://x/ä b?c=d&e'|urlencode }} {{ {'a': 1, 'b c': 'd&e'}|urlencode }} {{ [('x', '1 2')]|urlencode }} {{ "a'b(c)*!~"|urlencode }}
{{ 1000|filesizeformat }} {{ 1|filesizeformat }} {{ 0|filesizeformat }} {{ 999|filesizeformat }} {{ 1500000|filesizeformat }} {{ 1500000|filesizeformat(true) }} {{ 1024|filesizeformat(true) }} {{ 123456789012|filesizeformat }}
{{ none|string }} {{ 1.0|string }} {{ [1]|string|length }} {{ true|lower }} {{ none|upper }}
{{ 'abc'|first }} {{ 'abc'|last }} {{ xs|first }} {{ xs|last }} {{ d|first }} {{ d|last }} {{ []|first is defined }} {{ []|last is defined }}
{{ []|first }}
{{ 'ab'|list }} {{ d|list }} {{ (1, 2)|list }} {{ d.items()|list }}
{{ 5|list }}
{{ s|upper()|lower }} {{ s | upper | replace ( 'O' , '0' ) }}
{{ s|replace }}
{{ s|upper(1) }}
{{ s|replace('a', 'b', nope=1) }}
""")

# filters on numbers
cases("""
{{ 2.5|round }} {{ 3.5|round }} {{ 42.55|round }} {{ 42.55|round(1) }} {{ 42.55|round(1, 'floor') }} {{ 42.55|round(1, 'ceil') }} {{ 42|round }} {{ 42|round(2) }} {{ 1234|round(-2) }} {{ 1250|round(-2) }} {{ 1350|round(-2) }}
{{ 2.675|round(2) }} {{ 0.125|round(2) }} {{ 0.375|round(2) }} {{ -2.5|round }} {{ 1.005|round(2) }} {{ 1234.5|round(-2) }} {{ 1e20|round(2) }} {{ (-0.5)|round }} {{ 2.5|round(0, 'ceil') }} {{ 5|round(0, 'floor') }}
{{ 5|abs }} {{ (-5)|abs }} {{ -5|abs }} {{ (-2.5)|abs }} {{ true|abs }} {{ (-0.0)|abs }}
{{ '42'|int }} {{ '42.9'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 3.99|int }} {{ (-3.99)|int }} {{ true|int }} {{ none|int }} {{ '0x1f'|int(0, 16) }} {{ '1f'|int(base=16) }} {{ '101'|int(0, 2) }} {{ ' 12 '|int }} {{ '1_000'|int }} {{ '-5'|int }} {{ '1e3'|int }} {{ ''|int }} {{ '9007199254740993'|int }} {{ []|int }}
{{ '1.5'|float }} {{ '2'|float }} {{ 'x'|float }} {{ 'x'|float(2.5) }} {{ 3|float }} {{ none|float }} {{ ' 1e3 '|float }} {{ 'inf'|float }} {{ '-inf'|float }} {{ 'nan'|float }} {{ '.5'|float }} {{ '5.'|float }} {{ true|float }} {{ '1_0.0'|float }}
{{ xs|sum }} {{ []|sum }} {{ [1.5, 2]|sum }} {{ users|sum(attribute='age') }} {{ xs|sum(start=10) }} {{ [[1], [2]]|sum(start=[]) }}
{{ ['a']|sum }}
{{ xs|min }} {{ xs|max }} {{ words|min }} {{ words|max }} {{ words|max(case_sensitive=true) }} {{ words|min(true) }} {{ (users|max(attribute='age')).name }} {{ []|min is defined }} {{ d|max }}
{{ 'a'|abs }}
{{ none|round }}
{{ 1.5|int + 1 }} {{ ('3'|int) * 2 }} {{ '3'|int * 2 }}
""")

# filters on lists and dicts
cases("""
{{ xs|join }} {{ xs|join(', ') }} {{ xs|join('-')|length }} {{ users|join(', ', attribute='name') }} {{ 'abc'|join('.') }} {{ d|join }} {{ [1, none, 'a', 1.0]|join('|') }} {{ []|join(',') }}
{{ xs|sort }} {{ xs|sort(reverse=true) }} {{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ users|sort(attribute='name')|map(attribute='name')|list }} {{ users|sort(attribute='age,name')|map(attribute='name')|list }} {{ users|sort(true, attribute='age')|map(attribute='name')|list }} {{ d|sort }} {{ pairs|sort(attribute=1)|list }}
{{ [1, 'a']|sort }}
{{ words|unique|list }} {{ words|unique(true)|list }} {{ users|unique(attribute='age')|map(attribute='name')|list }} {{ [1, 1.0, true, 2]|unique|list }}
{{ words|map('upper')|list }} {{ users|map(attribute='name')|list }} {{ users|map(attribute='address.zip')|join(',') }} {{ users|map(attribute='nope', default='?')|join }} {{ xs|map('string')|list }} {{ words|map('replace', 'a', 'b')|list }} {{ pairs|map('first')|list }} {{ pairs|map(attribute=0)|list }} {{ ['1', '2']|map('int')|sum }} {{ [' a ']|map('trim')|first }}
{{ users|map(attribute='nope')|list|length }}
{{ users|map(attribute='nope')|join }}
{{ xs|map('nope')|list }}
{{ xs|map|list }}
{{ xs|select('odd')|list }} {{ xs|reject('odd')|list }} {{ [0, 1, '', 'a', none]|select|list }} {{ [0, 1]|reject|list }} {{ xs|select('gt', 1)|list }} {{ xs|select('in', [1, 2])|list }} {{ xs|select('divisibleby', 3)|list }} {{ words|select('equalto', 'apple')|list }} {{ xs|select('>=', 2)|list }}
{{ users|selectattr('active')|map(attribute='name')|list }} {{ users|rejectattr('active')|map(attribute='name')|list }} {{ users|selectattr('age', 'equalto', 30)|map(attribute='name')|list }} {{ users|selectattr('age', '==', 25)|list|length }} {{ users|rejectattr('age', 'eq', 30)|map(attribute='name')|list }} {{ users|selectattr('address.zip', 'eq', '10115')|map(attribute='name')|first }} {{ users|selectattr('nope', 'defined')|list }} {{ users|selectattr('city', 'in', ['Berlin'])|map(attribute='name')|list }}
{{ users|selectattr('nope')|list }}
{{ xs|selectattr|list }}
{{ users|groupby('age')|length }} {% for age, group in users|groupby('age') %}{{ age }}:{{ group|map(attribute='name')|join(',') }} {% endfor %}{% for g in users|groupby('city') %}{{ g.grouper }}={{ g.list|length }} {% endfor %}{% for c, g in users|groupby('city', case_sensitive=true) %}{{ c }} {% endfor %}{% for c, g in users|groupby('zip', default='-') %}{{ c }}{{ g|length }}{% endfor %}
{{ pairs|groupby(0) }}
{{ xs|batch(2)|list }} {{ xs|batch(2, 0)|list }} {{ range(7)|batch(3)|list }} {{ []|batch(2)|list }} {{ xs|batch(5, 'x')|list }}
{{ range(7)|slice(3)|list }} {{ range(7)|slice(3, 'x')|list }} {{ xs|slice(2)|list }} {{ []|slice(2)|list }}
{{ d|dictsort }} {{ d|dictsort(true) }} {{ d|dictsort(false, 'value') }} {{ d|dictsort(reverse=true) }} {{ d|dictsort(by='value', reverse=true) }}
{{ d|dictsort(by='x') }}
{{ d|items|list }} {{ {}|items|list }} {{ nope|items|list }}
{{ xs|items|list }}
{{ d|tojson }} {{ [1, 1.0, 1.5, true, none, 'a"b', '<x>&\\'', 'ä', '\\n']|tojson }} {{ {'b': [1, {'a': none}], 'a': (1, 2)}|tojson }} {{ {1: 'a', true: 'b'}|tojson }} {{ emoji|tojson }}
{{ {'a': [1, 2], 'b': {}, 'c': []}|tojson(indent=2) }}
{{ nope|tojson }}
{{ users[0]|attr('name') is defined }} {{ s|attr('upper') is callable }} {{ s|attr('nope') is defined }}
{{ xs|pprint }} {{ users|pprint }} {{ d|pprint }} {{ 'short'|pprint }} {{ 1.0|pprint }}
{{ {'long_key_number_one': 'a fairly long value that goes on', 'another_key': ['list', 'of', 'values', 'that', 'are', 'long', 'enough', 'to', 'wrap'], 'z': {'nested': 'dictionary', 'with': 'more than eighty characters in total'}}|pprint }}
{{ ('word ' * 30)|pprint }} {{ [('word ' * 30), 1]|pprint }} {{ (1, 2, 'x' * 80)|pprint }}
{{ xs|map('string')|map('upper')|join }} {{ (xs|map('string')|list)[0] }}
{% set g = xs|map('string') %}{{ g|list }}{{ g|list }}
{% set g = xs|map('string') %}{{ g|first }}{{ g|list }}
{% if []|map('string') %}true{% else %}false{% endif %}
{{ [[1, 2], [3]]|sum(start=[])|join(',') }} {{ [3, 1]|sort|first }} {{ 'cab'|sort|join }} {{ 'hello'|unique|join }} {{ 'abc'|map('upper')|join }}
{{ (1, 2, 2)|unique|list }}
{{ [[1], [1]]|unique|list }}
""")

# methods
cases("""
{{ s.upper() }} {{ s.lower() }} {{ s.swapcase() }} {{ 'hello world'.title() }} {{ "they're bill's".title() }} {{ 'HELLO wORLD'.capitalize() }} {{ 'ß'.casefold() }}
{{ ' a '.strip() }}| {{ ' a '.lstrip() }}| {{ ' a '.rstrip() }}| {{ 'xyaxy'.strip('xy') }} {{ 'xya'.lstrip('yx') }} {{ 'axy'.rstrip('yx') }}
{{ s.startswith('He') }} {{ s.startswith('x') }} {{ s.endswith('ld') }} {{ s.startswith(('x', 'H')) }} {{ s.startswith('lo', 3) }} {{ s.endswith('lo', 0, 5) }}
{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b '.split() }} {{ 'a b c'.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ''.split(',') }} {{ ''.split() }} {{ ' a b '.rsplit(none, 1) }} {{ 'a,b'.split(sep=',') }}
{{ 'abc'.split('') }}
{{ 'a b c '.split(maxsplit=1) }} {{ 'a-b-c'.rsplit('-') }} {{ 'aXXbXXc'.split('XX') }}
{{ ','.join(['a', 'b']) }} {{ ''.join([]) }} {{ '-'.join('abc') }}
{{ ','.join([1]) }}
{{ s.replace('l', 'L') }} {{ s.replace('l', 'L', 1) }} {{ 'abc'.replace('', '-') }} {{ 'abc'.replace('', '-', 2) }} {{ ''.replace('', 'x') }}
{{ '{} {}'.format(1, 'a') }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{a} {b}'.format(a=1, b=2) }} {{ '{{}} {}'.format(1) }} {{ '{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd') }} {{ '{:5d}|{:05d}|{:+d}|{:,}|{:x}|{:#x}|{:b}|{:o}'.format(42, 42, 42, 1234567, 255, 255, 5, 8) }}
{{ '{:.2f} {:8.3f}| {:e} {:g} {:%} {:.1%}'.format(3.14159, 2.5, 12345.678, 0.00001, 0.25, 0.256) }} {{ '{!r} {!s}'.format('a', 'b') }} {{ '{0[0]} {1[a]} {2.a}'.format([1], {'a': 2}, {'a': 3}) }} {{ '{:{}}'.format('a', 5) }}| {{ '{:.3}'.format('abcdef') }} {{ '{:>10,.2f}'.format(1234567.891) }} {{ '{}'.format(1.0) }} {{ '{:d}'.format(true) }} {{ '{}'.format(none) }} {{ '{:_}'.format(1234567) }}
{{ '{} {}'.format(1) }}
{{ '{x}'.format(a=1) }}
{{ '{:d}'.format('a') }}
{{ '{:d}'.format(1.5) }}
{{ '{'.format(1) }}
{{ s.find('o') }} {{ s.find('zz') }} {{ s.rfind('o') }} {{ s.index('o') }} {{ s.count('l') }} {{ s.find('o', 5) }} {{ 'aaa'.count('aa') }} {{ 'abc'.count('') }} {{ emoji.find('b') }}
{{ s.index('zz') }}
{{ '12'.isdigit() }} {{ 'a1'.isdigit() }} {{ ''.isdigit() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ 'ab'.islower() }} {{ 'Ab Cd'.istitle() }} {{ '12'.isnumeric() }} {{ '12'.isdecimal() }} {{ 'a_b'.isidentifier() }} {{ 'é'.isascii() }}
{{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'abc'.zfill(2) }} {{ 'a'.ljust(3, '.') }} {{ 'a'.rjust(3, '.') }} {{ 'a'.center(4, '.') }} {{ 'ab'.center(5, '.') }} {{ 'a'.ljust(3) }}|
{{ lines.splitlines() }} {{ 'a\\nb\\n'.splitlines() }} {{ 'a\\r\\nb\\rc'.splitlines(true) }} {{ ''.splitlines() }}
{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('=') }} {{ 'abc'.rpartition('=') }} {{ 'prefix_x'.removeprefix('prefix_') }} {{ 'x.sql'.removesuffix('.sql') }} {{ 'a\\tb'.expandtabs(4) }}
{{ s.nope }}
{% set l = [1, 2, 3, 2] %}{{ l.count(2) }} {{ l.index(2) }} {{ l.pop() }} {{ l.pop(0) }} {{ l }} {% do l.insert(0, 9) %}{% do l.insert(-1, 8) %}{{ l }} {% do l.remove(9) %}{{ l }} {% do l.reverse() %}{{ l }} {% do l.sort() %}{{ l }} {% do l.sort(reverse=true) %}{{ l }} {{ l.copy() }} {% do l.clear() %}{{ l }}
{{ [].pop() }}
{{ [1].remove(2) }}
{{ [1].index(2) }}
{{ [1, 'a'].sort() }}
{% set m = {'a': 1, 'b': 2} %}{{ m.get('a') }} {{ m.pop('a') }} {{ m }} {{ m.setdefault('c', 5) }} {{ m.setdefault('b', 9) }} {{ m }} {{ m.popitem() }} {{ m.copy() }} {% do m.update([('z', 1)]) %}{{ m }} {% do m.clear() %}{{ m }} {{ m.pop('q', 'dflt') }}
{{ {}.pop('a') }}
{{ d.items()|list }} {{ d.keys()|list }} {{ d.values()|sum }} {{ d.items()|sort }} {{ d.keys()|sort|join }}
{% set k = d.keys() %}{% set e = dict(d) %}{% set ek = e.keys() %}{% do e.update(q=1) %}{{ ek|length }} {{ d.keys() == e.keys() }}
{% for k in d %}{% do d.update({k ~ 'x': 1}) %}{% endfor %}
{{ (1, 2, 1).count(1) }} {{ (1, 2).index(2) }}
{{ d.get() }}
{{ s.upper(1) }}
{{ s.split(nope=1) }}
{% set add = [].append %}{% do add(1) %}{{ add is callable }}
""")


def random_numbers() -> None:
    """Floats and integers through everything that prints or rounds them."""
    random = Random(20260301)
    for _ in range(60):
        number = random.choice(
            [
                random.uniform(-10, 10),
                random.uniform(-1e6, 1e6),
                random.uniform(-1, 1) * 10 ** random.randint(-320, 308),
                round(random.uniform(-100, 100), random.randint(0, 3)),
                random.randint(-1000, 1000) / 8,
                random.randint(-(10**6), 10**6) / 1000 + 0.0005,
            ]
        )
        shown = f"({number!r})"
        TEMPLATES.append(
            " ".join(
                f"{{{{ {expression} }}}}"
                for expression in (
                    shown,
                    f"{shown}|round(2)",
                    f"{shown}|round",
                    f"{shown}|int",
                    f"'%.2f|%e|%g|%.3g|%d' % ({shown}, {shown}, {shown}, {shown}, {shown})",
                    f"'{{:,.1f}}|{{:>12.3e}}|{{:.5}}|{{:+.0f}}'.format({shown}, {shown}, {shown}, {shown})",
                    f"{shown} * 3",
                    f"{shown} / 7",
                    f"{shown} + 1",
                )
            )
        )
        whole = random.randint(-(10 ** random.randint(1, 40)), 10 ** random.randint(1, 40))
        other = random.choice([-1, 1]) * random.randint(1, 10 ** random.randint(1, 20))
        TEMPLATES.append(
            f"{{{{ {whole} + {other} }}}} {{{{ {whole} * {other} }}}} {{{{ ({whole}) // ({other}) }}}} {{{{ ({whole}) % ({other}) }}}} "
            f"{{{{ ({whole}) < ({other}) }}}} {{{{ ({whole}) == {whole}.0 }}}} {{{{ '%d|%x' % ({whole}, {other}) }}}} "
            f"{{{{ '{{:,}}|{{:_d}}|{{:b}}'.format({whole}, {other}, {other}) }}}} {{{{ ({whole})|round(-2) }}}}"
        )


NASTY_TEXTS = [
    "",
    " ",
    "a",
    "  two  words ",
    "UPPER lower Title",
    "x=1;y=2;;z",
    "tab\tand\nnewline\r\nand\x0bmore",
    "Ünïcödé straße ÄÖÜ",
    "😀 smile 😀",
    "it's \"quoted\" \\ back",
    "123",
    "-0042.50",
    "snake_case_name",
    "aaa",
]
CALLS = [
    "t.upper()|string ~ t.lower() ~ t.title() ~ t.capitalize() ~ t.swapcase()",
    "t|title ~ '|' ~ t|capitalize ~ '|' ~ t|trim ~ '|' ~ t|wordcount ~ '|' ~ t|length",
    "[t.strip(), t.lstrip(), t.rstrip(), t.strip('a ;')]",
    "[t.split(), t.split(none, 1), t.rsplit(none, 1), t.split(';'), t.split(';', 1), t.rsplit(';', 1), t.splitlines()]",
    "[t.find('a'), t.rfind('a'), t.count('a'), t.find(' ', 1), t.startswith(' '), t.endswith('2')]",
    "[t.isdigit(), t.isalpha(), t.isalnum(), t.isspace(), t.isupper(), t.islower(), t.istitle(), t.isnumeric(), t.isidentifier()]",
    "[t.replace('a', 'bb'), t.replace(' ', ''), t.replace('', '-', 3), t|replace('a', 'x', 1)]",
    "[t.center(9, '*'), t.ljust(7, '.'), t.rjust(7, '.'), t.zfill(8), t|center(9)]",
    "[t[0:3], t[-3:], t[::-1], t[1::2], t|reverse, t|list, t|first|default('-'), t|last|default('-')]",
    "[t.partition(' '), t.rpartition(' '), t.partition('=')]",
    "[t|int, t|float, t|int(-1), t|urlencode]",
    "t|tojson ~ [t]|string ~ t|indent(2, true) ~ t|truncate(6, true, '~', 0) ~ t|truncate(6, false, '~', 0)",
    "'%s|%r|%10s|%-10.3s|' % (t, t, t, t) ~ '{}|{!r}|{:>10}|{:_^10.3}'.format(t, t, t, t)",
    "[t|sort|join, t|unique|join, t|batch(2)|list, t|map('upper')|join, t|join('.')]",
    "t.expandtabs(4) ~ t.casefold() ~ t.removeprefix('a') ~ t.removesuffix(' ')",
]


def nasty_texts() -> None:
    for text in NASTY_TEXTS:
        for call in CALLS:
            literal = text.replace("'", "\\'")
            TEMPLATES.append(f"{{% set t = '{literal}' %}}{{{{ {call} }}}}")


def run(environment: jinja2.Environment, template: str) -> dict[str, str]:
    context = json.loads(json.dumps(CONTEXT))
    try:
        return {"output": environment.from_string(template).render(**context)}
    except Exception as error:  # every failure is a result here
        return {"error": type(error).__name__}


def main() -> None:
    random_numbers()
    nasty_texts()
    environment = SandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
    )
    found = [{"template": template, **run(environment, template)} for template in TEMPLATES]
    document = {"jinja": jinja2.__version__, "context": CONTEXT, "cases": found}
    target = pathlib.Path(__file__).with_name("jinja-cases.json")
    target.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found)} cases, {sum('error' in case for case in found)} of them errors")


main()
