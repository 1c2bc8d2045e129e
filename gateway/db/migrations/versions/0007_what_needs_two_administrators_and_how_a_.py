"""what needs two administrators, and how a restored database is told"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('approvals',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('school', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('needed', sa.Integer(), nullable=False),
    sa.Column('delay', sa.BigInteger(), nullable=False),
    sa.Column('people', sa.Integer(), nullable=False),
    sa.Column('details', sa.LargeBinary(), nullable=False),
    sa.Column('made', sa.BigInteger(), nullable=False),
    sa.Column('due', sa.BigInteger(), nullable=True),
    sa.Column('ended', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approvals'))
    )
    with op.batch_alter_table('approvals', schema=None) as batch_op:
        batch_op.create_index('ix_approvals_due', ['state', 'due'], unique=False)
        batch_op.create_index('ix_approvals_school', ['school', 'made'], unique=False)

    for name in ('approval_subjects', 'approval_votes'):
        op.create_table(name,
        sa.Column('approval', sa.String(length=32), nullable=False),
        sa.Column('person', sa.String(length=32), nullable=False),
        *([sa.Column('at', sa.BigInteger(), nullable=False)] if name == 'approval_votes' else []),
        sa.ForeignKeyConstraint(
            ['approval'], ['approvals.id'], name=op.f(f'fk_{name}_approval_approvals'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('approval', 'person', name=op.f(f'pk_{name}'))
        )
        with op.batch_alter_table(name, schema=None) as batch_op:
            batch_op.create_index(batch_op.f(f'ix_{name}_person'), ['person'], unique=False)

    op.create_table('journal_seen',
    sa.Column('sequence', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('sequence', name=op.f('pk_journal_seen'))
    )
    with op.batch_alter_table('erasure_state', schema=None) as batch_op:
        batch_op.add_column(sa.Column('generation', sa.BigInteger(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('starting', sa.String(length=32), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward: restore the backup made before.")
