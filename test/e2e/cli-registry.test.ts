// bin/gantry beside the stock docker CLI where registries are concerned: the same words, exit codes and configuration files.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { hashSync } from 'bcryptjs'

import type { Gantryd } from '../kit/gantryd.ts'
import { TestRegistry } from '../kit/registry.ts'
import { Terminal } from '../kit/terminal.ts'
import { startGantrydWithBusybox } from './engine.ts'

const gantry = join(import.meta.dirname, '../../bin/gantry')
/** The release of the docker CLI whose words gantry has. */
const followed = 28

// One story, told twice, each in repositories of its own. A line may begin with what goes to standard input: `text |`.
const story = `
tag busybox NAME/busybox:1
tag busybox NAME/busybox
tag busybox NAME/other:1
logout HOST
pull NAME/busybox:1
push NAME/busybox:1
login HOST
login --password-stdin HOST
login -u writer -p x --password-stdin HOST
wrong | login -u writer --password-stdin HOST
secret | login -u writer --password-stdin HOST
login HOST
login -u writer -p secret http://HOST/v2/
push NAME/busybox:1
push NAME/busybox
push -a NAME/busybox
push -q NAME/other:1
push NAME/nothing:1
push --platform linux/bogus NAME/busybox:1
rmi NAME/busybox:1 NAME/busybox NAME/other:1
pull NAME/busybox:1
pull NAME/busybox
rmi NAME/busybox:1
pull -q NAME/busybox:1
pull -a NAME/busybox
pull -a NAME/busybox:1
pull NAME/busybox:nosuch
pull HOST/nothing/there
pull --platform linux/s390x NAME/busybox:1
rmi NAME/other:1
run --rm -q NAME/other:1 echo hi
rmi NAME/other:1
run --rm NAME/other:1 echo hi
run --rm --pull always NAME/other:1 echo hi
logout HOST
pull NAME/busybox:2
rmi NAME/busybox:1 NAME/busybox NAME/other:1
`

interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface Teller {
  readonly cli: string
  /** Its configuration's directory. */
  readonly home: string
  readonly repository: string
}

async function tell(engine: Gantryd, host: string, teller: Teller): Promise<Map<string, Said>> {
  const results = new Map<string, Said>()
  const env = { DOCKER_CONFIG: teller.home }
  for (const line of story.trim().split('\n')) {
    const [, input, command = ''] = /^(?:(\w+) \| )?(.*)$/.exec(line) ?? []
    const words = command.replaceAll('NAME', `${host}/${teller.repository}`).replaceAll('HOST', host).split(' ')
    const said = await engine.run([teller.cli, ...words], { env, ...(input !== undefined && { stdin: input }) })
    const plain = (text: string) => text.replaceAll(teller.home, 'HOME').replaceAll('gantry', 'docker')
    results.set(`${results.size} ${line}`, { code: said.code, stdout: plain(said.stdout), stderr: plain(said.stderr) })
  }
  return results
}

const registryConfiguration = {
  users: { writer: hashSync('secret', 4) },
  access: [{ repository: 'team/**', users: ['writer'], allow: ['read', 'write'] }],
}

const configuration = (home: string) =>
  JSON.parse(readFileSync(join(home, 'config.json'), 'utf8')) as Record<string, Record<string, object>>

test('images go to registries and come from them as with the docker CLI', { timeout: 300_000 }, async suite => {
  await using engine = await startGantrydWithBusybox()
  const version = Number.parseInt(await engine.ok(['version', '--format', '{{.Client.Version}}']), 10)
  const file = join(engine.directory, 'registry.yaml')
  writeFileSync(file, JSON.stringify(registryConfiguration))
  await using registry = await TestRegistry.start(engine.namespace, ['--config', file])
  const { host } = registry
  const homeOf = (name: string) => {
    const home = join(engine.directory, `home-${name}`)
    mkdirSync(home)
    return home
  }
  const [dockerHome, gantryHome] = [homeOf('docker'), homeOf('gantry')]

  await suite.test('the same story', async t => {
    if (version < followed) return t.skip(`the docker CLI here is ${version}; gantry has the words of ${followed}`)
    const expected = await tell(engine, host, { cli: 'docker', home: dockerHome, repository: 'team/docker' })
    const actual = await tell(engine, host, { cli: gantry, home: gantryHome, repository: 'team/gantry' })
    const differing = [...expected.keys()].filter(line => !isDeepStrictEqual(actual.get(line), expected.get(line)))
    const pick = (results: Map<string, Said>) => differing.map(line => [line, results.get(line)])
    assert.deepEqual(pick(actual), pick(expected))
  })

  const as = (home: string, cli: string, args: readonly string[], options: { stdin?: string; path?: string } = {}) => {
    const { stdin, path } = options
    const env = { DOCKER_CONFIG: home, ...(path !== undefined && { PATH: path }) }
    return engine.run([cli, ...args], { env, ...(stdin !== undefined && { stdin }) })
  }
  const login = ['login', '-u', 'writer', '--password-stdin', host]
  const image = `${host}/team/shared:1`

  await suite.test(
    'who has logged in by one is logged in for the other, and what else is in the file stays',
    async () => {
      await engine.ok(['tag', 'busybox', image])
      const home = homeOf('both')
      writeFileSync(join(home, 'config.json'), JSON.stringify({ HttpHeaders: { a: 'b' } }))
      for (const [first, second] of [
        [gantry, 'docker'],
        ['docker', gantry],
      ] as const) {
        assert.equal((await as(home, first, login, { stdin: 'secret\n' })).code, 0)
        const { HttpHeaders, auths } = configuration(home)
        assert.deepEqual(HttpHeaders, { a: 'b' })
        assert.deepEqual(Object.keys(auths?.[host] ?? {}), ['auth', 'identitytoken'])
        assert.equal(statSync(join(home, 'config.json')).mode & 0o777, 0o600)
        const pushed = await as(home, second, ['push', '-q', image])
        assert.deepEqual([pushed.code, pushed.stdout], [0, `${image}\n`], pushed.stderr)
        assert.equal((await as(home, second, ['logout', host])).code, 0)
        assert.deepEqual(configuration(home)['auths'], {})
      }
    },
  )

  await suite.test('a program that keeps credentials is asked, and nothing is in the file', async () => {
    const [home, kept] = [homeOf('helper'), join(engine.directory, 'kept')]
    const path = `${home}:${process.env['PATH']}`
    const program = `#!/bin/sh
case $1 in
  store) cat > ${kept} ;;
  get) cat > /dev/null; cat ${kept} 2> /dev/null || { echo credentials not found in native keychain; exit 1; } ;;
  erase) rm -f ${kept} ;;
esac
`
    writeFileSync(join(home, 'docker-credential-test'), program, { mode: 0o755 })
    writeFileSync(join(home, 'config.json'), JSON.stringify({ credsStore: 'test' }))
    for (const [first, second] of [
      [gantry, 'docker'],
      ['docker', gantry],
    ] as const) {
      assert.match(
        (await as(home, second, ['push', '-q', image], { path })).stderr,
        /no basic auth|authentication required/,
      )
      const { code, stderr } = await as(home, first, login, { stdin: 'secret', path })
      assert.deepEqual([code, stderr], [0, ''])
      const { ServerURL, Username } = JSON.parse(readFileSync(kept, 'utf8')) as Record<string, string>
      assert.deepEqual([ServerURL, Username], [host, '<token>'])
      assert.deepEqual(configuration(home)['auths'], { [host]: {} })
      assert.equal((await as(home, second, ['push', '-q', image], { path })).code, 0)
      assert.equal((await as(home, second, ['logout', host], { path })).code, 0)
    }
  })

  await suite.test('a person is asked for name and password, and sees how far it is', async () => {
    const home = homeOf('person')
    const options = { env: { ...engine.environment, DOCKER_CONFIG: home }, columns: 140 }
    {
      await using terminal = new Terminal(engine.namespace.enter([gantry, 'login', host]), options)
      await terminal.prints(/Username: /)
      terminal.write('writer\r')
      await terminal.prints(/Password: /)
      terminal.write('secrex\u007ft\r')
      assert.equal((await terminal.finish()).code, 0)
      assert.match(terminal.stdout, /Login Succeeded/)
      assert.doesNotMatch(terminal.stdout, /secre/)
    }
    await engine.ok(['rmi', '-f', await engine.ok(['image', 'inspect', '-f', '{{.Id}}', image])])
    await using terminal = new Terminal(engine.namespace.enter([gantry, 'pull', image]), options)
    assert.equal((await terminal.finish()).code, 0)
    // In place, a line above.
    assert.match(terminal.stdout.replaceAll('\u001B', '^'), /\^\[1A\^\[2K\r\w{12}: Pull complete /)
  })

  await suite.test('a configuration file that can’t be read is named, and not written over', async () => {
    const home = homeOf('broken')
    writeFileSync(join(home, 'config.json'), '{"auths":')
    const { code, stderr } = await as(home, gantry, login, { stdin: 'secret' })
    assert.equal(code, 1)
    assert.match(stderr, /^cannot read the configuration file .*broken\/config\.json: /)
    assert.equal(readFileSync(join(home, 'config.json'), 'utf8'), '{"auths":')
  })
})
