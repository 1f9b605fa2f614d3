import { describe, expect, it } from 'vitest';
import { DateTimeValue, modulesValue } from '../../../src/transform/compile/context/date-values.ts';
import { compileTemplate, type Value } from '../../../src/transform/compile/jinja/index.ts';

const AT = Date.parse('2026-03-29T00:59:59.250Z');

function render(text: string): string {
  const names = new Map<string, Value>([
    ['at', new DateTimeValue(AT)],
    ['modules', modulesValue(AT)],
  ]);
  return compileTemplate({ name: 'test.sql', text }).render({ names });
}

describe('times in templates', () => {
  it.each([
    ['{{ at }}', '2026-03-29 00:59:59.250000+00:00'],
    ['{{ at.isoformat() }}', '2026-03-29T00:59:59.250000+00:00'],
    ['{{ at.date() }}', '2026-03-29'],
    [
      '{{ at.year }}-{{ at.month }}-{{ at.day }} {{ at.hour }}:{{ at.minute }}:{{ at.second }}.{{ at.microsecond }}',
      '2026-3-29 0:59:59.250000',
    ],
    ['{{ at.weekday() }}', '6'],
    [
      "{{ at.strftime('%Y%m%d %H-%M-%S %y %j %I%p %a %A %b %B %f %z %Z %% %Q') }}",
      '20260329 00-59-59 26 088 12AM Sun Sunday Mar March 250000 +0000 UTC % %Q',
    ],
    ["{{ at.astimezone(modules.pytz.timezone('Europe/Berlin')).isoformat() }}", '2026-03-29T01:59:59.250000+01:00'],
    // One second later the clocks in Berlin go forward.
    ["{{ at.add(seconds=1).astimezone('Europe/Berlin').isoformat() }}", '2026-03-29T03:00:00.250000+02:00'],
    ['{{ at.add(days=-29).date() }}', '2026-02-28'],
    ["{{ at.astimezone('America/St_Johns').strftime('%H:%M %z') }}", '22:29 -0230'],
    ['{{ modules.datetime.datetime.utcnow() == at }}', 'True'],
    ["{{ modules.datetime.date.today().strftime('%Y') }}", '2026'],
  ])('%s', (text, expected) => {
    expect(render(text)).toBe(expected);
  });

  it.each([
    ["{{ at.astimezone('Berlin') }}", /expected an IANA time zone such as Europe\/Berlin/],
    ['{{ at.add(month=1) }}', /add\(\) takes weeks, days, hours/],
    ['{{ at.nope }}', /has no attribute 'nope'/],
  ])('%s is a mistake', (text, message) => {
    expect(() => render(text)).toThrow(message);
  });
});
