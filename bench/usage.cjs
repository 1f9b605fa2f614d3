// Loaded into a measured process (--require): leaves what it used when it exits. Plain JavaScript, because stripping types costs start-up time.
'use strict';
const { writeFileSync } = require('node:fs');

process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  writeFileSync(
    process.env.BENCH_USAGE_FILE,
    JSON.stringify({ peakKb: maxRSS, cpuMicros: userCPUTime + systemCPUTime }),
  );
});
