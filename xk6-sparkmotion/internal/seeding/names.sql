-- Tables and columns of another schema: psql -v bands=Band -v band=id -v event=event_id -v taps=Tap -v tap_band=band_id …
\set ON_ERROR_STOP on
\if :{?bands}
\else
  \set bands bands
\endif
\if :{?band}
\else
  \set band bandId
\endif
\if :{?event}
\else
  \set event eventId
\endif
\if :{?taps}
\else
  \set taps taps
\endif
\if :{?tap_band}
\else
  \set tap_band bandId
\endif
