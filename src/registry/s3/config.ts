// The settings of an object store, in the registry's configuration and in the environment.

import type { Section } from '../section.ts'
import type { S3Config } from './client.ts'

/**
 * Reads the section; undefined if there is nothing in it. Keys that it does not have are those of AWS's programs in the
 * environment. Throws a sentence that says what is wrong.
 */
export function readS3(section: Section, environment: NodeJS.ProcessEnv): S3Config | undefined {
  if (section.isEmpty) return undefined
  const required = (name: string) => {
    const value = section.text(name)
    if (!value) throw new Error(`${section.path}.${name}: expected a text`)
    return value
  }
  const secret = (name: string, variable: string) => {
    const value = section.text(name) ?? environment[variable]
    if (!value) throw new Error(`${section.path}.${name}: expected it here, or in ${variable}`)
    return value
  }
  const folder = (section.text('prefix') ?? '').replace(/^\/+|\/+$/g, '')
  const config = {
    endpoint: endpointOf(required('endpoint'), section.path),
    bucket: required('bucket'),
    region: section.text('region') ?? 'us-east-1',
    prefix: folder === '' ? '' : `${folder}/`,
    accessKey: secret('access-key', 'AWS_ACCESS_KEY_ID'),
    secretKey: secret('secret-key', 'AWS_SECRET_ACCESS_KEY'),
    sessionToken: section.text('session-token') ?? environment['AWS_SESSION_TOKEN'],
    pathStyle: !section.flag('virtual-host'),
  }
  section.finish()
  return config
}

function endpointOf(text: string, path: string): string {
  if (/^https?:\/\/[^/]+\/*$/.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '')
  throw new Error(`${path}.endpoint: expected one such as https://s3.example.org, not ${JSON.stringify(text)}`)
}
