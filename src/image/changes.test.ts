// The instructions of `--change`, against what a Dockerfile makes of them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExecutionConfig } from '../oci/image-config.ts'
import { applyChanges } from './changes.ts'
import { humanSize, progressLine } from './progress.ts'

test('each instruction changes its part of the configuration', () => {
  const cases: [string, ExecutionConfig][] = [
    ['CMD ["a", "b c"]', { Cmd: ['a', 'b c'] }],
    ['CMD echo "x"', { Cmd: ['/bin/sh', '-c', 'echo "x"'] }],
    ['cmd []', { Cmd: [] }],
    ['ENTRYPOINT ["/e"]', { Entrypoint: ['/e'] }],
    [
      String.raw`ENV A=1 B="two words" C=three\ words D='$x' E=`,
      { Env: ['A=1', 'B=two words', 'C=three words', 'D=$x', 'E='] },
    ],
    ['ENV A some  text', { Env: ['A=some  text'] }],
    ['LABEL a.b=c "d e"="f g"', { Labels: { 'a.b': 'c', 'd e': 'f g' } }],
    [
      'EXPOSE 80 443/tcp 53/UDP 8000-8002',
      {
        ExposedPorts: { '80/tcp': {}, '443/tcp': {}, '53/udp': {}, '8000/tcp': {}, '8001/tcp': {}, '8002/tcp': {} },
      },
    ],
    ['VOLUME ["/a b", "/c"]', { Volumes: { '/a b': {}, '/c': {} } }],
    ['VOLUME /a /b', { Volumes: { '/a': {}, '/b': {} } }],
    ['WORKDIR a/../b/.', { WorkingDir: '/b' }],
    ['USER 1000:1000', { User: '1000:1000' }],
    ['STOPSIGNAL SIGQUIT', { StopSignal: 'SIGQUIT' }],
    ['ONBUILD RUN x', { OnBuild: ['RUN x'] }],
    ['HEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } }],
    [
      'HEALTHCHECK --interval=1m30s --retries=3 CMD curl x',
      {
        Healthcheck: { Interval: 90e9, Retries: 3, Test: ['CMD-SHELL', 'curl x'] },
      },
    ],
    ['HEALTHCHECK --timeout=500ms CMD ["curl"]', { Healthcheck: { Timeout: 5e8, Test: ['CMD', 'curl'] } }],
    ['# a comment', {}],
  ]
  for (const [change, expected] of cases) assert.deepEqual(applyChanges({}, [change]), expected, change)
})

test('later changes add to earlier ones, or take their place', () => {
  const config = applyChanges({ Env: ['A=0', 'B=0'], WorkingDir: '/w' }, [
    'ENV A=1\nENV C=1',
    'WORKDIR sub',
    'CMD x',
    'CMD y',
  ])
  assert.deepEqual(config, { Env: ['A=1', 'B=0', 'C=1'], WorkingDir: '/w/sub', Cmd: ['/bin/sh', '-c', 'y'] })
})

test('what is no such instruction is refused', () => {
  const cases: [string, RegExp][] = [
    ['RUN x', /^run is not a valid change command$/],
    ['FROM x', /^from is not a valid change command$/],
    ['ENV', /^ENV requires at least one argument$/],
    ['ENV A', /^ENV must have two arguments$/],
    ['ENV A=1 B', /can't find = in "B"/],
    ['EXPOSE x', /^Invalid containerPort: x$/],
    ['EXPOSE 80/icmp', /^Invalid proto: icmp$/],
    ['EXPOSE 70000', /^Invalid containerPort/],
    ['HEALTHCHECK X', /Unknown type "X" in HEALTHCHECK/],
    ['HEALTHCHECK --interval=x CMD y', /invalid duration "x"/],
    ['HEALTHCHECK --what=x CMD y', /Unknown flag: what/],
    ['HEALTHCHECK CMD', /Missing command/],
    ['ONBUILD ONBUILD RUN x', /Chaining ONBUILD/],
    ['ONBUILD FROM x', /FROM isn't allowed/],
    ['VOLUME [""]', /can not be an empty string/],
  ]
  for (const [change, message] of cases) assert.throws(() => applyChanges({}, [change]), { kind: 'invalid', message })
})

test('sizes and progress are written as Docker does', () => {
  const sizes: [number, string][] = [
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [1_234_567, '1.235MB'],
    [5e12, '5TB'],
  ]
  for (const [bytes, expected] of sizes) assert.equal(humanSize(bytes), expected)
  assert.deepEqual(progressLine('abc', 'Loading layer', 500, 1000), {
    status: 'Loading layer',
    progressDetail: { current: 500, total: 1000 },
    progress: `[${'='.repeat(25)}>${' '.repeat(25)}]     500B/1kB`,
    id: 'abc',
  })
})
