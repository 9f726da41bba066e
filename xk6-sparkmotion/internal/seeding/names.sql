-- Tables and columns of another schema: psql -v bands=wristbands -v band=band_id -v event=event_id -v updated=updated_at …
\set ON_ERROR_STOP on
\if :{?bands}
\else
  \set bands Band
\endif
\if :{?id}
\else
  \set id id
\endif
\if :{?band}
\else
  \set band bandId
\endif
\if :{?event}
\else
  \set event eventId
\endif
\if :{?updated}
\else
  \set updated updatedAt
\endif
\if :{?deleted}
\else
  \set deleted deletedAt
\endif
\if :{?taps}
\else
  \set taps TapLog
\endif
\if :{?tap_band}
\else
  \set tap_band bandId
\endif
