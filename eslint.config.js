import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

const BROWSER = ['IntersectionObserver', 'ResizeObserver', 'addEventListener', 'devicePixelRatio', 'getComputedStyle', 'location', 'matchMedia', 'requestAnimationFrame']

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  // The dashboard runs in a browser, and nothing of Node's is there.
  { files: ['dashboard/*.js'], languageOptions: { globals: { ...Object.fromEntries(BROWSER.map(name => [name, 'readonly'])), process: 'off', Buffer: 'off', require: 'off' } } },
  {
    files: ['**/*.ts'],
    rules: {
      '@stylistic/object-property-newline': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      // A parameter that an interface asks for, and an implementation has no use of, is written with an underscore.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }]
    }
  }
]
