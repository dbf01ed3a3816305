/**
 * The files of uPlot that a page needs, by the name that they are served under. Its package.json names the module,
 * its docs neither path.
 */
export const UPLOT_FILES: Readonly<Record<string, string>> = { 'uplot.js': 'uplot/dist/uPlot.esm.js', 'uplot.css': 'uplot/dist/uPlot.min.css' }
