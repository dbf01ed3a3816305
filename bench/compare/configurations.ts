import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PeerSetup } from './peers/serve.js'

// nginx and HAProxy as gateways, configured as their documentation says for backends that keep connections. Each has one process with one
// thread, keeps as many idle connections as the other gateways may have, and writes no logs.

const CONNECTIONS = 128
const MOST_CLIENTS = 8192
const FOR_EVER = 1_000_000_000

/** nginx cannot bound connections and queue requests; it keeps 128. Bodies and answers stay in memory. */
export function nginxConfiguration ({ routes, ca }: PeerSetup, port: number, directory: string): string {
  const nth = numbered(routes)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join(' ')
  const upstreams = [...nth].map(([upstream, n]) => `upstream u${n} { server ${new URL(upstream).host}; keepalive ${CONNECTIONS}; keepalive_requests ${FOR_EVER}; keepalive_timeout 60s; }`)
  const scheme = ca === undefined ? 'http' : 'https'
  const locations = routes.map(({ prefix, upstream }) => `location ${prefix}/ { proxy_pass ${scheme}://u${nth.get(upstream)}${prefix === '' ? '' : '/'}; }`)
  const verified = ca === undefined ? '' : `proxy_ssl_verify on; proxy_ssl_trusted_certificate ${directory}/ca.pem; proxy_ssl_name localhost;`
  return `
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log error.log crit;
events { worker_connections ${2 * MOST_CLIENTS}; }
http {
  ${temporary}
  access_log off; keepalive_requests ${FOR_EVER};
  proxy_http_version 1.1; proxy_set_header Connection ""; ${verified}
  client_body_buffer_size 128k; proxy_max_temp_file_size 0;
  ${upstreams.join('\n  ')}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    ${locations.join('\n    ')}
  }
}
`
}

/** A map from the first segment of a path to a backend. The backend gets the path without that segment. */
export function haproxyConfiguration ({ routes, ca }: PeerSetup, port: number, directory: string): string {
  const nth = numbered(routes)
  const trusted = ca === undefined ? '' : ` ssl verify required ca-file ${directory}/ca.pem verifyhost localhost`
  const single = routes.length === 1 && routes[0]?.prefix === ''
  writeFileSync(join(directory, 'routes.map'), routes.map(({ prefix, upstream }) => `${prefix.slice(1)} b${nth.get(upstream)}\n`).join(''))
  const cutOff = single ? '' : 'http-request replace-path /[^/]*(/.*) \\1'
  const backends = [...nth].map(([upstream, n]) => `
backend b${n}
  ${cutOff}
  server s ${new URL(upstream).host} maxconn ${CONNECTIONS} pool-max-conn ${CONNECTIONS}${trusted}`)
  return `
global
  nbthread 1
  maxconn ${MOST_CLIENTS}
defaults
  mode http
  http-reuse always
  timeout connect 3s
  timeout client 60s
  timeout server 60s
  timeout queue 5s
frontend f
  bind 127.0.0.1:${port} backlog 4096
  ${single ? 'default_backend b0' : `use_backend %[path,field(2,/),map_str(${directory}/routes.map)]`}
${backends.join('\n')}
`
}

function numbered (routes: PeerSetup['routes']): Map<string, number> {
  return new Map([...new Set(routes.map(({ upstream }) => upstream))].map((upstream, n) => [upstream, n]))
}
