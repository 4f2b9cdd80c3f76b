// A certificate authority for tests, and what it signs: made by openssl, as the documentation of docker's TLS has it.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { output } from './command.ts'

/** A certificate with its key and its authority's certificate, named as docker's CLI looks for them. */
export interface Credentials {
  /** For DOCKER_CERT_PATH. */
  readonly directory: string
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** An authority, whose certificates are below its directory. */
export class Authority {
  readonly #directory: string
  readonly #certificate: string
  readonly #key: string

  private constructor(directory: string) {
    this.#directory = directory
    this.#certificate = join(directory, 'ca.pem')
    this.#key = join(directory, 'ca-key.pem')
  }

  /** Makes one in `directory`, which must not be there. */
  static async create(directory: string): Promise<Authority> {
    mkdirSync(directory)
    const made = new Authority(directory)
    const subject = ['-subj', '/CN=test authority', '-days', '1']
    await output([...request, '-x509', ...subject, '-keyout', made.#key, '-out', made.#certificate])
    return made
  }

  /** Signs a certificate for servers on 127.0.0.1 or for clients. */
  async sign(name: string, use: 'serverAuth' | 'clientAuth'): Promise<Credentials> {
    const directory = join(this.#directory, name)
    mkdirSync(directory)
    const [ca, certificate, key] = ['ca.pem', 'cert.pem', 'key.pem'].map(file => join(directory, file)) as [
      string,
      string,
      string,
    ]
    const [asked, extensions] = [join(directory, 'request.pem'), join(directory, 'extensions')]
    writeFileSync(extensions, `extendedKeyUsage=${use}\nsubjectAltName=IP:127.0.0.1\n`)
    await output([...request, '-subj', `/CN=${name}`, '-keyout', key, '-out', asked])
    const authority = ['-CA', this.#certificate, '-CAkey', this.#key, '-CAcreateserial']
    await output([
      'openssl',
      'x509',
      '-req',
      '-in',
      asked,
      ...authority,
      '-days',
      '1',
      '-extfile',
      extensions,
      '-out',
      certificate,
    ])
    writeFileSync(ca, await output(['openssl', 'x509', '-in', this.#certificate]))
    return { directory, ca, certificate, key }
  }
}

const request = ['openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
